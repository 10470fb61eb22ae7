"""Two versions of one model side by side: metrics with which is better, gates, data, signature, engine, size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from quarterdeck.core.errors import UsageError
from quarterdeck.core.metrics.families import direction
from quarterdeck.core.models.signature import Field
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Direction, Outcome

# What is said beside the figures: a difference between them is no paired comparison.
NOTE = "each was measured on the rows that its own training held out; `quarterdeck duel show` compares on the same rows"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedMetric:
    """`better` is the version's number; None where both are equal, or one was not measured."""

    name: str
    direction: Direction
    a: float | None
    b: float | None
    better: int | None

    @property
    def difference(self) -> float | None:
        """B less A."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedGate:
    """None: it was not asked of that version."""

    gate: str
    a: Outcome | None
    b: Outcome | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedField:
    """How one field of the signature differs, in words; None: that version does not have it."""

    name: str
    a: str | None
    b: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """`a` and `b` are references; `facts` are (what, of A, of B), the same or not."""

    model: str
    a: str
    b: str
    metrics: tuple[ComparedMetric, ...]
    gates: tuple[ComparedGate, ...]
    signature: tuple[ComparedField, ...]
    facts: tuple[tuple[str, Any, Any], ...]
    note: str = NOTE


def compare(a: Version, b: Version) -> Comparison:
    """Side by side. UsageError for versions of two models, or one version twice."""
    if a.model != b.model:
        raise UsageError(f"{a.reference} and {b.reference} are of two models", hint="name two versions of one model")
    if a.number == b.number:
        raise UsageError(f"{a.reference} is compared with itself", hint="name two versions")
    return Comparison(
        model=a.model,
        a=a.reference,
        b=b.reference,
        metrics=tuple(_metrics(a, b)),
        gates=tuple(_gates(a, b)),
        signature=tuple(_signature(a, b)),
        facts=tuple((name, getattr(a, name), getattr(b, name)) for name in _FACTS),
    )


_FACTS = (
    "state",
    "kind",
    "created",
    "run_id",
    "rows",
    "trained_from",
    "trained_to",
    "engine",
    "engine_reason",
    "size_bytes",
    "gate_set",
    "artifact",
)


def _metrics(a: Version, b: Version) -> Iterator[ComparedMetric]:
    for name in dict.fromkeys((*a.metrics, *b.metrics)):
        way = _direction(name, a, b)
        left, right = a.metrics.get(name), b.metrics.get(name)
        better = None
        if left is not None and right is not None and left != right:
            better = b.number if (right > left) is (way is Direction.HIGHER) else a.number
        yield ComparedMetric(name=name, direction=way, a=left, b=right, better=better)


def _direction(name: str, *versions: Version) -> Direction:
    """By the metric's name; a user's KPI by the bound it was held against."""
    for version in versions:
        for verdict in version.verdicts:
            # a comparison's statistic is the worsening, whose direction says nothing about the metric
            if verdict.metric == name and verdict.statistic == version.metrics.get(name) is not None:
                return verdict.direction
    return direction(name)


def _gates(a: Version, b: Version) -> Iterator[ComparedGate]:
    left = {result.gate: result.outcome for result in a.verdicts}
    right = {result.gate: result.outcome for result in b.verdicts}
    for gate in dict.fromkeys((*left, *right)):
        yield ComparedGate(gate=gate, a=left.get(gate), b=right.get(gate))


def _signature(a: Version, b: Version) -> Iterator[ComparedField]:
    """What differs: the target, the classes, and every field that is not the same in both."""
    for name in ("task", "target", "entity", "time", "classes"):
        left, right = getattr(a.signature, name), getattr(b.signature, name)
        if left != right:
            yield ComparedField(name=name, a=str(left), b=str(right))
    left = {field.name: field for field in a.signature.fields}
    right = {field.name: field for field in b.signature.fields}
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            one, other = _words(left.get(name), right.get(name)), _words(right.get(name), left.get(name))
            yield ComparedField(name=name, a=one, b=other)


def _words(field: Field | None, other: Field | None) -> str | None:
    """A field's properties; beside another's only those that differ."""
    if field is None:
        return None
    if other is None:
        return field.kind.value
    names = [item.name for item in fields(field) if getattr(field, item.name) != getattr(other, item.name)]
    return ", ".join(f"{name} {_value(getattr(field, name), getattr(other, name))}" for name in names)


def _value(value: Any, other: Any) -> str:
    """Of two long lists only what the one has and the other has not."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        more = [str(item) for item in value if item not in other]
        return f"{len(value)}" + (f", with {', '.join(more[:5])}{' ...' if len(more) > 5 else ''}" if more else "")
    if isinstance(value, tuple):
        return str(len(value))
    return str(value)
