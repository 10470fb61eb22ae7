"""Has the KPIs of comparisons measured by a process of its own, one at a time, while the daemon goes on.

A KPI is the user's code: it may fail, hang or eat memory, and then that is a reason in the verdict, and no more. Files
without a name carry question and answer, so that neither side ever waits for the other and nothing is left behind.
"""

from __future__ import annotations

import json
import logging
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from quarterdeck.core.duel import Mode
from quarterdeck.core.duel_kpis import Measured
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import FILE_NAME
from quarterdeck.core.models.signature import Signature
from quarterdeck.scheduler.duel_rows import Answers, Met, answers_in_words, kpis_asked
from quarterdeck.scheduler.kpi_child import LIMIT_S
from quarterdeck.scheduler.processes import ask_aside
from quarterdeck.scheduler.state import State

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=LIMIT_S + 5)  # the child stops itself; this is for one that cannot


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the KPIs were on the first `n` rows (of the challenger's)."""

    n: int
    kpis: tuple[Measured, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    key: str
    n: int
    names: tuple[str, ...]
    child: subprocess.Popen[bytes]
    answer: IO[bytes]
    since: datetime


class KpiRuns:
    """At most one measuring process at a time; the answers wait to be taken by the comparison's key."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._running: _Running | None = None
        self._found: dict[str, Found] = {}

    @property
    def busy(self) -> bool:
        return self._running is not None

    def ask(self, key: str, manifest: Manifest, signature: Signature, met: Met, now: datetime) -> None:
        """Start measuring; not to be called while another is."""
        request = {
            "manifest": str(manifest.folder / FILE_NAME),
            "paired": met.mode is Mode.PAIRED,
            "champion": _request(signature, met.champion),
            "challenger": _request(signature, met.challenger),
        }
        log_file = self._state.workspace.logs / "kpis.log"
        child, answer = ask_aside("quarterdeck.scheduler.kpi_child", request, log=log_file)
        names = tuple(kpi.name for kpi in kpis_asked(manifest))
        self._running = _Running(key=key, n=met.challenger.n, names=names, child=child, answer=answer, since=now)

    def poll(self, now: datetime) -> None:
        """Take the answer of a process that has ended, and end one that takes too long."""
        running = self._running
        if running is None:
            return
        code = running.child.poll()
        if code is None and now - running.since <= PATIENCE:
            return
        if code is None:
            running.child.kill()
            code = running.child.wait()
        with running.answer as answer:
            answer.seek(0)
            self._found[running.key] = Found(n=running.n, kpis=_read(running, code, answer.read()))
        self._running = None

    def take(self, key: str) -> Found | None:
        """The newest figures that have not been taken yet."""
        return self._found.pop(key, None)

    def close(self) -> None:
        """End what is still running; nobody waits for it any more."""
        if self._running is not None:
            self._running.child.kill()
            self._running.child.wait()
            self._running.answer.close()
            self._running = None


def _request(signature: Signature, answers: Answers) -> dict[str, Any]:
    predicted = answers_in_words(signature, answers.scores)
    return {"y_true": answers.labels, "y_pred": predicted, "inputs": answers.inputs}


def _read(running: _Running, code: int, text: bytes) -> tuple[Measured, ...]:
    """The figures, or for each KPI the reason why there are none."""
    try:
        found = json.loads(text) if code == 0 else {}
        if "kpis" in found:
            return tuple(Measured(**item) for item in found["kpis"])
        problem = found.get("problem") or _ended(code)
    except (ValueError, TypeError) as error:
        problem = f"its answer cannot be read: {error}"
    log.warning("the KPIs of %s: %s", running.key, problem)
    return tuple(Measured(name=name, n=running.n, problem=problem) for name in running.names)


def _ended(code: int) -> str:
    if code < 0:
        return f"it was stopped by signal {-code}, after {LIMIT_S} s at most; see kpis.log"
    return f"its process ended with exit {code}; see kpis.log"
