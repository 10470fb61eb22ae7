"""The command line as real processes, in a workspace that `quarterdeck init` made and the store filled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.gates import judge_bound
from quarterdeck.core.ledger import Audit
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, RunStatus, StepStatus, Task, TriggerKind, VersionState
from quarterdeck.store import alerts, pipelines, promotion, registry, runs, steps, triggers, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.workspace import Workspace

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PATIENCE_S = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


def environment() -> dict[str, str]:
    """As a user's, without a workspace or a terminal's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK")}
    return kept | {"PYTHONWARNINGS": "default", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled workspace that tests copy and never touch."""
    root = tmp_path_factory.mktemp("made") / "workspace"
    command = [sys.executable, "-m", "quarterdeck.console.main", "init", str(root), "--no-data"]
    subprocess.run(command, check=True, capture_output=True, env=environment(), timeout=PATIENCE_S)
    _fill(Workspace(root=root))
    return root


@pytest.fixture
def root(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "workspace", symlinks=True))


@pytest.fixture
def database(root: Path) -> Iterator[Database]:
    with Database.sqlite(root / ".quarterdeck" / "quarterdeck.db") as database:
        yield database


@pytest.fixture
def quarterdeck(root: Path) -> Command:
    """Run the command line in the workspace, without a terminal."""

    def run(*arguments: str, stdin: str = "", cwd: Path | None = None) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "quarterdeck.console.main", *arguments],
            input=stdin, capture_output=True, text=True, cwd=cwd or root, env=environment(),
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        return Said(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


def _fill(workspace: Workspace) -> None:
    """Three versions of `flights` (2 is champion, 1 previous), four runs, triggers, an alert, a window."""
    artifacts = ArtifactStore(workspace.artifacts)
    kept = [artifacts.put(f"model {number}".encode()) for number in range(1, 5)]
    with Database.sqlite(workspace.database) as database:
        migrate(database, backup_to=None, now=START)
        with database.write() as tx:
            pipelines.put(tx, _pipeline())
            for artifact in kept:
                steps.record_artifact(tx, artifact.sha256, kind="model", size=artifact.size, now=START)
            for number, artifact in enumerate(kept, 1):
                run_id = _run(tx, number, finished=number < 4)
                if run_id is not None:
                    _register(tx, number, artifact.sha256, run_id)
        with database.write() as tx:
            _promote(tx, 1, None, 1)
            _promote(tx, 2, 1, 2)
            _operate(tx)


def _pipeline() -> pipelines.Pipeline:
    return pipelines.Pipeline(
        name="flights", task=Task.BINARY, description="late?", owner="ops", digest="d", synced_at=START
    )


def _run(tx: Any, number: int, *, finished: bool) -> int | None:
    """Runs 1 to 3 made a version each; run 4 failed in a step."""
    at = START + timedelta(hours=number)
    run = runs.request(tx, "flights", by="ann", cause={"kind": "manual", "reason": f"try {number}"}, now=at)
    runs.claim(tx, run.id, pid=1, process_started=0.0, now=at)
    steps.plan(tx, run.id, [("rows", "read_table", ()), ("model", "fit", ("rows",))])
    done = {"started_at": at, "finished_at": at + timedelta(seconds=2)}
    steps.change(tx, run.id, "rows", status=StepStatus.SUCCEEDED, **done)
    if finished:
        steps.change(tx, run.id, "model", status=StepStatus.SUCCEEDED, **done)
        steps.record_metrics(tx, run.id, "model", {"roc_auc_score": 0.7 + number / 100})
        runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=at + timedelta(seconds=4), version=number)
        return run.id
    steps.change(tx, run.id, "model", status=StepStatus.FAILED, error="ValueError: [bold]no[/bold]\nline 2", **done)
    runs.finish(tx, run.id, RunStatus.FAILED, now=at, error="step model: ValueError: [bold]no[/bold]")
    return None


def _register(tx: Any, number: int, sha256: str, run_id: int) -> None:
    """Versions 1 and 2 passed their gate, version 3 failed it."""
    value = 0.7 + number / 100
    verdict = judge_bound(metric="roc_auc_score", value=value if number < 3 else 0.5, n=900, minimum=0.65)
    draft = Version(
        model="flights", number=0, state=VersionState.ACCEPTED if number < 3 else VersionState.REJECTED,
        run_id=run_id, created=START + timedelta(hours=number), artifact=sha256, onnx=None,
        engine=Engine.SKLEARN, engine_reason="it was not converted", max_difference=None,
        signature=SIGNATURE, metrics={"roc_auc_score": value}, verdicts=(verdict,), profile=None,
        trained_from=None, trained_to=None, rows=1000, size_bytes=7,
    )  # fmt: skip
    registry.register(tx, draft, Audit(actor="ann", environment="production", at=draft.created, reason="trained"))


SIGNATURE = Signature(
    fields=(Field(name="hour", kind=FieldKind.INTEGER, minimum=0, maximum=23),),
    task=Task.BINARY,
    target="late",
    classes=(0, 1),
)


def _promote(tx: Any, number: int, saw: int | None, hour: int) -> None:
    at = START + timedelta(hours=hour, minutes=30)
    audit = Audit(actor="ann", environment="production", at=at, reason=f"promote {number}")
    promotion.promote(tx, "flights", number, audit, saw_champion=saw)


def _operate(tx: Any) -> None:
    spec = {"name": "drift", "kind": "drift", "features": 1}
    triggers.sync(tx, "flights", [("drift", TriggerKind.DRIFT, spec), ("manual", TriggerKind.MANUAL, {})])
    alerts.raise_alert(
        tx, model="flights", kind="drift", subject="hour", message="hour drifted", evidence={}, now=START
    )
    feature = {
        "feature": "hour",
        "method": "psi",
        "value": 0.4,
        "threshold": 0.25,
        "drifted": True,
        "n_window": 90,
    }
    windows.put(
        tx,
        Window(
            model="flights", version=2, start=START, end=START + timedelta(hours=1), closed=True,
            rows=90, labelled=80, drifted=1, drift=[feature], metrics={"roc_auc_score": 0.66},
            p50_ms=0.4, p99_ms=1.5, updated_at=START,
        ),
    )  # fmt: skip


@pytest.fixture
def inside(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The same command line in this process: for what is about its words and the store, many calls a test."""
    from quarterdeck.console.cli.boundary import run

    monkeypatch.chdir(root)

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        return Said(code=code, out=(said := capsys.readouterr()).out, err=said.err)

    return call
