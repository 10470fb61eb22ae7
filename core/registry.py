"""Model versions, their states, and who may take whose place.

A version's state says how far it has come; an alias says which version bears a name in one environment. The
states move by one table, TRANSITIONS. Loads without numpy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quarterdeck.core.errors import RefusedError, UsageError
from quarterdeck.core.gates import GateResult, overall
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Alias, Engine, ModelKind, Outcome, VersionState

S = VersionState

# From each state to the states it may move to. A version that has a name in several environments shows the highest of
# them (PLACES); without a name it shows its standing: what its gates said, or REJECTED after a loss. A promotion that
# a person forces past HOLD or FAIL is the move from CANDIDATE or REJECTED to CHAMPION; check_promotable asks for
# `force` there. Moves marked (u) exist for undo alone.
TRANSITIONS: dict[VersionState, frozenset[VersionState]] = {
    # To CHALLENGER: in shadow, where it can gather the evidence that its gates lacked.
    S.CANDIDATE: frozenset({S.ACCEPTED, S.REJECTED, S.CHALLENGER, S.CHAMPION, S.PREVIOUS, S.RETIRED}),  # PREVIOUS (u)
    S.ACCEPTED: frozenset({S.CHALLENGER, S.CHAMPION, S.REJECTED, S.PREVIOUS, S.RETIRED}),  # PREVIOUS (u)
    S.REJECTED: frozenset({S.CHALLENGER, S.CHAMPION, S.PREVIOUS, S.RETIRED}),  # CHALLENGER, PREVIOUS (u)
    # Back to its standing: taken out without a verdict. REJECTED: it lost.
    S.CHALLENGER: frozenset({S.CHAMPION, S.PREVIOUS, S.ACCEPTED, S.CANDIDATE, S.REJECTED, S.RETIRED}),
    # To CHAMPION again: promoted in one more environment. REJECTED: demoted for cause. ACCEPTED, CANDIDATE: rolled
    # back. CHALLENGER (u): its promotion was taken back.
    S.CHAMPION: frozenset({S.CHAMPION, S.PREVIOUS, S.REJECTED, S.CHALLENGER, S.ACCEPTED, S.CANDIDATE}),
    # To its standing: a later champion has taken the name `previous`; this one may still be promoted.
    S.PREVIOUS: frozenset({S.CHAMPION, S.CHALLENGER, S.ACCEPTED, S.CANDIDATE, S.REJECTED, S.RETIRED}),
    S.RETIRED: frozenset({S.CANDIDATE, S.ACCEPTED, S.REJECTED}),  # (u) all three
}

# The states that are names, the highest first.
PLACES = (S.CHAMPION, S.CHALLENGER, S.PREVIOUS)

STANDING_OF = {Outcome.PASS: S.ACCEPTED, Outcome.FAIL: S.REJECTED, Outcome.HOLD: S.CANDIDATE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One immutable model version; only `state` moves."""

    model: str
    number: int
    state: VersionState
    run_id: int | None  # None: imported
    created: datetime
    artifact: str  # SHA-256 of the model that scikit-learn loads
    onnx: str | None  # SHA-256 of the converted model, where it converts and agrees
    engine: Engine
    engine_reason: str  # why this engine answers
    max_difference: float | None  # greatest difference between the two engines' scores on the reference rows
    signature: Signature
    metrics: dict[str, float]
    verdicts: tuple[GateResult, ...]
    profile: str | None  # SHA-256 of the reference profile
    trained_from: datetime | None  # the training rows' event times: the first
    trained_to: datetime | None  # and the last
    rows: int
    size_bytes: int
    kind: ModelKind = ModelKind.SKLEARN
    gate_set: int | None = None  # which version of the model's gates judged it
    evaluation: str | None = None  # SHA-256 of what was measured on the held-out rows, for the model card
    expected: str | None = None  # SHA-256 of its expected inputs; None: registered before they were kept
    performance: str | None = None  # SHA-256 of what its held-out rows taught about its performance; None: nothing
    origin: dict[str, Any] | None = None  # imported: the file, its kind and hash, and what was trusted

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.number}"

    @property
    def standing(self) -> VersionState:
        """What its gates said: the state it has without a name in any environment."""
        return STANDING_OF[overall(self.verdicts)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasRow:
    """Which version bears a name in one environment, and since when."""

    environment: str
    model: str
    alias: Alias
    version: int
    changed: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A model, and at most one of a version's number and an alias. Neither: the model, or its champion."""

    model: str
    version: int | None = None
    alias: Alias | None = None

    def __str__(self) -> str:
        tail = self.version if self.version is not None else self.alias
        return self.model if tail is None else f"{self.model}@{tail}"


_REFERENCE = re.compile(r"(?P<model>[A-Za-z0-9][A-Za-z0-9_.-]*)(?:@(?P<tail>[A-Za-z0-9]+))?", re.ASCII)


def parse_reference(text: str) -> Reference:
    """Read "flights@3", "flights@champion" or "flights". Raises UsageError on anything else."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    model, tail = match["model"], match["tail"]
    if tail is None:
        return Reference(model=model)
    if tail in tuple(Alias):
        return Reference(model=model, alias=Alias(tail))
    if tail.isdigit() and 0 < len(tail) < 10 and int(tail) > 0:
        return Reference(model=model, version=int(tail))
    raise _unreadable(text)


def _unreadable(text: str) -> UsageError:
    names = ", ".join(f"name@{alias}" for alias in Alias)
    return UsageError(f"{text!r} names no model or version", hint=f"write name, name@3, {names}")


def transition(state: VersionState, to: VersionState) -> VersionState:
    """Return `to` if a version may move there from `state`. Raises RefusedError if not."""
    allowed = TRANSITIONS[state]
    if to not in allowed:
        options = ", ".join(sorted(allowed)) or "nothing: it is the last state"
        raise RefusedError(f"a version cannot go from {state} to {to}", hint=f"from {state} it can go to {options}")
    return to


def check_promotable(version: Version, champion: Version | None, *, force: bool) -> None:
    """Refuse a promotion that the rules do not allow; return where they do.

    `champion` is the version that bears the name in the environment now. `force` lets a person promote a
    version whose gates held or failed; the caller writes the reason into the ledger. A retired version and a
    version of another model are refused in any case.
    """
    where = version.reference
    if champion is not None and champion.model != version.model:
        raise RefusedError(f"the champion is of another model: {champion.reference}", where=where)
    if champion is not None and champion.number == version.number:
        raise RefusedError("it is the champion already", where=where)
    transition(version.state, VersionState.CHAMPION)
    if force:
        return
    if version.state in (VersionState.CANDIDATE, VersionState.REJECTED) or version.standing is not S.ACCEPTED:
        raise RefusedError(
            _why_not(version),
            where=where,
            hint="a person who may can promote it all the same, with --force and a reason",
        )


def _why_not(version: Version) -> str:
    bad = [result for result in version.verdicts if result.outcome is not Outcome.PASS]
    if bad:
        return "; ".join(f"{result.outcome.upper()} {result.gate}: {result.reason}" for result in bad)
    if version.state is VersionState.REJECTED:
        return "it was rejected after its gates had passed"
    return "its gates have not spoken"


def check_rollback(champion: Version | None, previous: Version | None, *, model: str) -> Version:
    """Return the version a rollback makes champion. No gate is asked: rollback skips every analysis.

    Raises RefusedError where there is nothing to go back to, or where that version is retired.
    """
    if previous is None:
        hint = f"`quarterdeck model promote {model}@NUMBER` names any version; `model history {model}` shows them"
        raise RefusedError("there is no previous version to roll back to", where=model, hint=hint)
    if champion is not None and champion.number == previous.number:
        raise RefusedError(f"{previous.reference} is champion and previous at once", where=model)
    transition(previous.state, VersionState.CHAMPION)
    return previous
