"""The states of a version, and the rules of promotion and rollback."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError, UsageError
from quarterdeck.core.gates import judge_bound
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.registry import (
    PLACES,
    TRANSITIONS,
    Reference,
    Version,
    check_promotable,
    check_rollback,
    parse_reference,
    transition,
)
from quarterdeck.core.values import Alias, Engine, Task, VersionState

states = st.sampled_from(VersionState)


def version(number: int = 1, state: VersionState = VersionState.ACCEPTED, model: str = "flights") -> Version:
    return Version(
        model=model,
        number=number,
        state=state,
        run_id=7,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        artifact="a" * 64,
        onnx=None,
        engine=Engine.SKLEARN,
        engine_reason="it does not convert",
        max_difference=None,
        signature=Signature(fields=(), task=Task.BINARY, target="late", classes=(0, 1)),
        metrics={},
        verdicts=(),
        profile=None,
        trained_from=None,
        trained_to=None,
        rows=10,
        size_bytes=100,
    )


@given(states, states)
def test_a_version_moves_only_along_the_table(state: VersionState, to: VersionState) -> None:
    if to in TRANSITIONS[state]:
        assert transition(state, to) is to
    else:
        with pytest.raises(RefusedError, match=f"from {state} to {to}"):
            transition(state, to)


def test_every_state_is_in_the_table_and_a_retired_version_gets_no_name_again() -> None:
    assert set(TRANSITIONS) == set(VersionState)
    assert TRANSITIONS[VersionState.RETIRED].isdisjoint(PLACES)


def test_every_state_but_the_first_can_be_reached() -> None:
    reached, border = {VersionState.CANDIDATE}, [VersionState.CANDIDATE]
    while border:
        new = TRANSITIONS[border.pop()] - reached
        reached |= new
        border.extend(new)
    assert reached == set(VersionState)


def test_the_champion_is_never_retired_before_another_took_its_place() -> None:
    assert VersionState.RETIRED not in TRANSITIONS[VersionState.CHAMPION]


@given(states, st.booleans())
def test_only_force_promotes_what_the_gates_have_not_passed(state: VersionState, force: bool) -> None:
    unproven = state in (VersionState.CANDIDATE, VersionState.REJECTED)
    refused = state is VersionState.RETIRED or (unproven and not force)
    if refused:
        with pytest.raises(RefusedError):
            check_promotable(version(2, state), version(1, VersionState.CHAMPION), force=force)
    else:
        check_promotable(version(2, state), version(1, VersionState.CHAMPION), force=force)


def test_a_refused_promotion_names_the_gate_that_said_no() -> None:
    verdict = judge_bound(metric="roc_auc_score", value=0.6, n=10, minimum=0.7)
    rejected = dataclasses.replace(version(2, VersionState.REJECTED), verdicts=(verdict,))
    with pytest.raises(RefusedError, match=r"FAIL roc_auc_score at least 0.7"):
        check_promotable(rejected, None, force=False)


@pytest.mark.parametrize("force", [False, True])
def test_the_champion_cannot_be_promoted_over_itself_or_over_another_model(force: bool) -> None:
    champion = version(1, VersionState.CHAMPION)
    with pytest.raises(RefusedError, match="already"):
        check_promotable(champion, champion, force=force)
    with pytest.raises(RefusedError, match="another model"):
        check_promotable(version(2), version(1, VersionState.CHAMPION, "weather"), force=force)


def test_a_champion_elsewhere_can_be_promoted_where_there_is_none() -> None:
    check_promotable(version(1, VersionState.CHAMPION), None, force=False)


def test_rollback_returns_the_previous_version() -> None:
    previous = version(1, VersionState.PREVIOUS)
    assert check_rollback(version(2, VersionState.CHAMPION), previous, model="flights") is previous
    assert check_rollback(None, previous, model="flights") is previous


@pytest.mark.parametrize("previous", [None, version(2, VersionState.CHAMPION), version(1, VersionState.RETIRED)])
def test_rollback_is_refused_where_there_is_nothing_to_go_back_to(previous: Version | None) -> None:
    with pytest.raises(RefusedError):
        check_rollback(version(2, VersionState.CHAMPION), previous, model="flights")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("flights", Reference(model="flights")),
        ("flights@3", Reference(model="flights", version=3)),
        ("flights@champion", Reference(model="flights", alias=Alias.CHAMPION)),
        ("a.b_c-d@previous", Reference(model="a.b_c-d", alias=Alias.PREVIOUS)),
    ],
)
def test_a_reference_reads_back_as_it_was_written(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    ["", "@3", "flights@", "flights@0", "flights@-1", "flights@best", "a@3@4", "a b", "a@3\n", "a@\u0663"],
)
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no model"):
        parse_reference(text)
