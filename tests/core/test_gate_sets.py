"""Gate sets: what a person edits stays until the manifest changes that gate; thresholds have meaning or are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import NotFoundError, RefusedError, UsageError
from quarterdeck.core.gate_sets import (
    GateChange,
    GateSet,
    GateSource,
    change,
    gate_from_json,
    gate_json,
    gates_digest,
    in_words,
    may_edit,
    merge,
)
from quarterdeck.core.manifest import GateSpec

AUC = GateSpec(metric="roc_auc_score", minimum=0.65)
WORSE = GateSpec(metric="roc_auc_score", not_worse_than="champion", margin=0.02)
COST = GateSpec(metric="cost", maximum=0.97, owner="network-operations")
SLICED = GateSpec(metric="cost", maximum=1.2, slice="carrier")
TARGET = GateSpec(metric="target_compatible", memory_mb=500.0)


def test_an_edit_stays_where_the_manifest_is_as_it_was() -> None:
    edited = (AUC, replace(COST, maximum=0.9))
    merged, notes = merge((AUC, COST), edited, (COST, AUC, WORSE))
    assert merged == (replace(COST, maximum=0.9), AUC, WORSE)
    assert notes == ()


def test_a_gate_that_the_manifest_changed_is_the_manifests_and_what_it_overruled_is_said() -> None:
    merged, notes = merge((COST,), (replace(COST, maximum=0.9),), (replace(COST, maximum=1.1),))
    assert merged == (replace(COST, maximum=1.1),)
    assert notes == ("cost max: the manifest's max 1.1 in place of the edited max 0.9",)


def test_an_edited_gate_that_leaves_the_manifest_is_said() -> None:
    merged, notes = merge((AUC, COST), (AUC, replace(COST, maximum=0.9)), (AUC,))
    assert merged == (AUC,)
    assert notes == ("cost max is gone from the manifest, and with it the edited max 0.9",)


GATES = [AUC, WORSE, COST, SLICED, TARGET]
subsets = st.lists(st.sampled_from(GATES), unique=True)


def _moved(gates: list[GateSpec], by: dict[str, float]) -> tuple[GateSpec, ...]:
    return tuple(replace(gate, confidence=by.get(gate.key, gate.confidence)) for gate in gates)


moves = st.dictionaries(st.sampled_from([gate.key for gate in GATES]), st.sampled_from([0.8, 0.9]))


@given(subsets, subsets, moves, moves)
def test_the_merged_set_has_the_manifests_gates_each_as_one_of_the_two_says(
    before: list[GateSpec], now: list[GateSpec], edits: dict[str, float], changes: dict[str, float]
) -> None:
    edited, new = _moved(before, edits), _moved(now, changes)
    merged, notes = merge(before, edited, new)
    assert [gate.key for gate in merged] == [gate.key for gate in new]
    by_key = {gate.key: gate for gate in edited}
    for gate, ours in zip(new, merged, strict=True):
        unchanged = gate in before
        assert ours == (by_key[gate.key] if unchanged else gate)
    lost = [gate for gate in edited if gate not in before and gate not in merged]
    assert len(notes) == len(lost)


@given(subsets, moves)
def test_a_manifest_that_says_the_same_keeps_every_edit(before: list[GateSpec], edits: dict[str, float]) -> None:
    edited = _moved(before, edits)
    assert merge(before, edited, before) == (edited, ())


@given(st.permutations(GATES))
def test_the_order_of_gates_says_nothing(gates: list[GateSpec]) -> None:
    assert gates_digest(gates) == gates_digest(GATES)
    assert gates_digest([*gates[1:], replace(gates[0], rows=7)]) != gates_digest(GATES)


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_survives_json(gate: GateSpec) -> None:
    assert gate_from_json(gate_json(gate)) == gate
    assert gate_from_json(gate_json(gate) | {"of a later version": 1}) == gate


@pytest.mark.parametrize(
    ("gate", "asked", "expected"),
    [
        (AUC, GateChange(minimum=0.7), replace(AUC, minimum=0.7)),
        (WORSE, GateChange(margin=0.0, confidence=0.9), replace(WORSE, margin=0.0, confidence=0.9)),
        (SLICED, GateChange(confidence=0.9), replace(SLICED, confidence=0.9)),
        (TARGET, GateChange(seconds=4.0), replace(TARGET, seconds=4.0)),
    ],
)
def test_a_gate_gets_the_thresholds_that_it_has(gate: GateSpec, asked: GateChange, expected: GateSpec) -> None:
    assert change(gate, asked) == expected


@pytest.mark.parametrize(
    ("gate", "asked", "error", "said"),
    [
        (AUC, GateChange(), UsageError, "no new threshold"),
        (AUC, GateChange(maximum=0.9), UsageError, "this gate has no max"),
        (AUC, GateChange(confidence=0.9), UsageError, "this gate has no confidence"),
        (AUC, GateChange(minimum=0.65), RefusedError, "says that already"),
        (AUC, GateChange(minimum=float("nan")), RefusedError, "expected a number"),
        (WORSE, GateChange(margin=-0.1), RefusedError, "from 0 on"),
        (WORSE, GateChange(confidence=95), RefusedError, "0.5 to below 1"),
        (TARGET, GateChange(memory_mb=0), RefusedError, "above 0"),
    ],
)
def test_a_threshold_without_meaning_is_refused(
    gate: GateSpec, asked: GateChange, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        change(gate, asked)


def test_an_unknown_gate_is_refused_with_the_nearest() -> None:
    held = GateSet(
        model="flights", number=1, created=datetime(2026, 1, 1, tzinfo=UTC), author="ada", source=GateSource.MANIFEST,
        manifest_digest="d", manifest_gates=(AUC, COST), gates=(AUC, COST), ledger_seq=1,
    )  # fmt: skip
    with pytest.raises(NotFoundError, match="roc_auc_score min") as caught:
        held.gate("roc_auc_scor min")
    assert caught.value.hint == 'did you mean "roc_auc_score min"?'


def test_named_gates_are_keys_or_metrics_and_no_names_are_all() -> None:
    assert may_edit(None, COST)
    assert may_edit(("cost",), SLICED)
    assert may_edit(("cost max",), COST)
    assert not may_edit(("cost max",), SLICED)
    assert not may_edit((), COST)


def test_what_a_gate_asks_is_said_in_words() -> None:
    assert in_words(SLICED) == "at most 1.2 in every carrier with 100 rows or more"
    assert in_words(WORSE) == "not worse than the champion by more than 0.02, confidence 0.95"
    assert in_words(TARGET) == "works in the target's environment (memory-mb 500)"
