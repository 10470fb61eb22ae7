"""A model's gates as a numbered set: from its manifest, or with a threshold that a person edited.

A manifest that changes makes a new set, by a merge of three: the manifest's gates before, its gates now, and the set
as it stands. What a person edited stays where the manifest's own gate is as it was; where the manifest changed it, the
manifest wins, and the merge says so. Loads without any library.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from quarterdeck.core.errors import NotFoundError, RefusedError, UsageError
from quarterdeck.core.gate_kinds import SERVED, TARGET
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.ledger import canonical_json
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.registry import Version
from quarterdeck.core.toml_table import expected_names, nearest
from quarterdeck.core.values import Outcome


class GateSource(StrEnum):
    """Where a set comes from."""

    MANIFEST = "manifest"
    EDIT = "edit"  # a person's


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSet:
    """One version of a model's gates. `manifest_gates` are those that the manifest had when it was made."""

    model: str
    number: int  # 1, 2, 3 ... of this model
    created: datetime  # UTC
    author: str
    source: GateSource
    manifest_digest: str
    manifest_gates: tuple[GateSpec, ...]
    gates: tuple[GateSpec, ...]
    ledger_seq: int

    def gate(self, key: str) -> GateSpec:
        """The gate of a key; NotFoundError, with the nearest, where there is none."""
        found = next((gate for gate in self.gates if gate.key == key), None)
        if found is None:
            keys = [gate.key for gate in self.gates]
            near = nearest(key, keys)
            hint = f'did you mean "{near}"?' if near else f"`quarterdeck gate list {self.model}` shows them"
            raise NotFoundError(f"{self.model} has no gate {key!r}; {expected_names(key, keys)}", hint=hint)
        return found

    def edited(self, gate: GateSpec) -> bool:
        """Whether a person has changed what the manifest says of this gate."""
        return gate not in self.manifest_gates


def gate_json(gate: GateSpec) -> dict[str, Any]:
    """The gate as JSON values; not where its line is."""
    return {item.name: getattr(gate, item.name) for item in fields(gate) if item.compare}


def gate_from_json(data: Mapping[str, Any]) -> GateSpec:
    known = {item.name for item in fields(GateSpec)}
    return GateSpec(**{key: value for key, value in data.items() if key in known})


def gates_digest(gates: Sequence[GateSpec]) -> str:
    """SHA-256 (hex) of what the gates ask; their order says nothing."""
    listed = sorted((gate_json(gate) for gate in gates), key=canonical_json)
    return hashlib.sha256(canonical_json(listed).encode()).hexdigest()


def merge(
    before: Sequence[GateSpec], edited: Sequence[GateSpec], now: Sequence[GateSpec]
) -> tuple[tuple[GateSpec, ...], tuple[str, ...]]:
    """The new set's gates in the order of the manifest, and in words each edit that the manifest has overruled.

    `before` and `now` are the manifest's gates, `edited` the set that was made from `before`.
    """
    old = {gate.key: gate for gate in before}
    kept = {gate.key: gate for gate in edited}
    new = {gate.key for gate in now}
    notes = [
        f"{key} is gone from the manifest, and with it the edited {thresholds(gate)}"
        for key, gate in kept.items()
        if key not in new and gate != old.get(key)
    ]
    merged = []
    for gate in now:
        ours = kept.get(gate.key)
        if ours is not None and old.get(gate.key) == gate:
            merged.append(ours)
            continue
        if ours is not None and ours not in (old.get(gate.key), gate):
            notes.append(f"{gate.key}: the manifest's {thresholds(gate)} in place of the edited {thresholds(ours)}")
        merged.append(gate)
    return tuple(merged), tuple(notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class GateChange:
    """New thresholds of one gate; None: as it is."""

    minimum: float | None = None
    maximum: float | None = None
    margin: float | None = None
    confidence: float | None = None
    memory_mb: float | None = None
    seconds: float | None = None


# The options that say these, in words of the command and of the manifest.
OPTIONS = {
    "minimum": "min",
    "maximum": "max",
    "margin": "margin",
    "confidence": "confidence",
    "memory_mb": "memory-mb",
    "seconds": "seconds",
}


def editable(gate: GateSpec) -> tuple[str, ...]:
    """Which thresholds a gate has."""
    if gate.metric == TARGET:
        return ("memory_mb", "seconds")
    own = {"min": ("minimum",), "max": ("maximum",), "not_worse_than": ("margin", "confidence")}[gate.kind or "min"]
    return own if gate.slice is None or "confidence" in own else (*own, "confidence")


def change(gate: GateSpec, asked: GateChange) -> GateSpec:
    """The gate with new thresholds. UsageError where none is given, or one that it does not have; RefusedError for a
    threshold without meaning, and where nothing would change.
    """
    given = {name: value for name in OPTIONS if (value := getattr(asked, name)) is not None}
    allowed = editable(gate)
    listed = ", ".join(f"--{OPTIONS[name]}" for name in allowed)
    if not given:
        raise UsageError("no new threshold is given", where=gate.key, hint=f"give {listed}")
    wrong = next((name for name in given if name not in allowed), None)
    if wrong is not None:
        raise UsageError(f"this gate has no {OPTIONS[wrong]}", where=gate.key, hint=f"it has {listed}")
    for name, value in given.items():
        _check(gate, name, value)
    changed = replace(gate, **given)
    if changed == gate:
        raise RefusedError("the gate says that already: nothing was changed", where=gate.key)
    return changed


def _check(gate: GateSpec, name: str, value: float) -> None:
    expected = {
        "margin": ("a number from 0 on", value >= 0),
        "confidence": ("a number from 0.5 to below 1", 0.5 <= value < 1),
        "memory_mb": ("a number above 0", value > 0),
        "seconds": ("a number above 0", value > 0),
    }.get(name, ("a number", True))
    if not (math.isfinite(value) and expected[1]):
        raise RefusedError(f"{OPTIONS[name]} is {value:g}; expected {expected[0]}", where=gate.key)


def thresholds(gate: GateSpec) -> str:
    """ "min 0.65", "margin 0.02, confidence 0.95" """
    known = [(OPTIONS[name], getattr(gate, name)) for name in editable(gate)]
    return ", ".join(f"{name} {value:g}" for name, value in known if value is not None) or "defaults"


def in_words(gate: GateSpec) -> str:
    """What a gate asks: "at least 0.65 in every carrier"."""
    if gate.metric == TARGET:
        text = f"works in the target's environment ({thresholds(gate)})"
    elif gate.minimum is not None:
        text = f"at least {gate.minimum:g}"
    elif gate.maximum is not None:
        text = f"at most {gate.maximum:g}"
    else:
        text = f"not worse than the {gate.not_worse_than} by more than {gate.margin:g}, confidence {gate.confidence:g}"
    return text if gate.slice is None else f"{text} in every {gate.slice} with {gate.rows} rows or more"


def may_edit(named: Sequence[str] | None, gate: GateSpec) -> bool:
    """Whether a grant that names gates (None: all of them) covers this one: by its key or its metric."""
    return named is None or gate.key in named or gate.metric in named


def rejudge(gate_set: GateSet, version: Version) -> tuple[tuple[GateSpec, GateResult | None], ...]:
    """What each gate says of the values that are kept with a version; None where that takes the rows, or the model.

    Limits on a metric or KPI can be judged again, and limits on what is served where its verdict kept the value.
    """
    kept = {result.key: result for result in version.verdicts if result.key is not None}
    return tuple((gate, _again(gate, version, kept.get(gate.key))) for gate in gate_set.gates)


def _again(gate: GateSpec, version: Version, before: GateResult | None) -> GateResult | None:
    value = version.metrics.get(gate.metric)
    if value is None and before is not None and gate.metric in SERVED and before.outcome is not Outcome.HOLD:
        value = before.statistic
    if gate.kind not in ("min", "max") or gate.slice is not None or value is None:
        return None
    n = before.n if before is not None else max((result.n for result in version.verdicts), default=1)
    interval = None if before is None else before.interval
    found = judge_bound(
        metric=gate.metric, value=value, n=n, minimum=gate.minimum, maximum=gate.maximum, owner=gate.owner,
        interval=interval,
    )  # fmt: skip
    return replace(found, key=gate.key)
