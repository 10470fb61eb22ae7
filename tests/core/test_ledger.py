"""The chain of the ledger shows every change to every entry."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.ledger import (
    GENESIS,
    Audit,
    Entry,
    canonical_json,
    entry_hash,
    make_entry,
    plain,
    verify_chain,
)
from quarterdeck.core.values import Alias, Outcome

START = datetime(2026, 1, 1, tzinfo=UTC)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | finite
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def chain(length: int, evidence: dict[str, Any] | None = None, **extra: Any) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(length):
        entry = make_entry(
            previous=entries[-1] if entries else None,
            audit=Audit(
                actor="ada",
                environment="production",
                at=START + timedelta(minutes=number),
                reason="better",
                evidence=evidence or {},
            ),
            act="promote",
            subject=f"flights@{number}",
            **extra,
        )
        entries.append(entry)
    return entries


def problems(entries: list[Entry], **options: Any) -> list[tuple[int, str]]:
    return [(problem.seq, problem.message) for problem in verify_chain(entries, **options)]


def test_a_chain_as_it_was_written_has_no_problem() -> None:
    entries = chain(5, evidence={"p": 0.01, "outcome": Outcome.PASS}, before={"version": 1}, after={"version": 2})
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].previous_hash == GENESIS
    assert problems(entries, head=entries[-1].hash) == []
    assert problems(entries[2:], after=entries[1]) == []


def test_the_hash_of_a_known_entry_never_changes() -> None:
    entry = make_entry(
        previous=None,
        audit=Audit(
            actor="ada",
            environment=None,
            at=datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC),
            reason="größer",
            evidence={"b": 1.0, "a": [0.1, None, True]},
        ),
        act="promote",
        subject="flights@3",
    )
    text = (
        '{"act":"promote","actor":"ada","after":null,"at":"2026-01-02T03:04:05.000600Z","before":null,'
        '"environment":null,"evidence":{"a":[0.1,null,true],"b":1},'
        f'"previous_hash":"{GENESIS}","reason":"größer","seq":1,"subject":"flights@3"}}'
    )
    fields = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry) if f.name != "hash"}
    assert canonical_json(fields) == text
    assert entry.hash == "7c5d8983a14a1c5230fc2a84305c578ff582cb77ec1639d09883d2707a4050a0"


CHANGES: dict[str, Any] = {
    "at": START - timedelta(days=1),
    "actor": "eve",
    "act": "retire",
    "subject": "flights@9",
    "environment": "staging",
    "reason": "",
    "evidence": {"p": 0.02},
    "before": {"version": 0},
    "after": {"version": 3},
    "hash": "f" * 64,
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_field_is_found_at_its_entry(field: str) -> None:
    entries = chain(4, evidence={"p": 0.01}, before={"version": 1}, after={"version": 2})
    entries[1] = dataclasses.replace(entries[1], **{field: CHANGES[field]})
    found = problems(entries)
    assert found[0] == (2, "its contents do not match its hash: it was changed")


def test_an_entry_rehashed_after_a_change_breaks_the_link_behind_it() -> None:
    entries = chain(3)
    forged = dataclasses.replace(entries[1], actor="eve")
    entries[1] = dataclasses.replace(forged, hash=entry_hash(forged))
    assert problems(entries) == [(3, "it is not chained to the entry before it")]


def test_removed_doubled_and_swapped_entries_are_found() -> None:
    entries = chain(5)
    assert problems([*entries[:2], *entries[3:]])[0] == (4, "entry 3 is missing before it")
    assert problems([entries[0], *entries[3:]])[0] == (4, "entries 2 to 3 are missing before it")
    assert problems([*entries[:2], *entries[1:]])[0][0] == 2
    assert problems([entries[1], entries[0], *entries[2:]])[0] == (2, "entry 1 is missing before it")


def test_a_cut_end_is_found_by_the_noted_head_only() -> None:
    entries = chain(3)
    assert problems(entries[:2]) == []
    assert problems(entries[:2], head=entries[-1].hash)[0][0] == 2
    assert problems([], head=entries[-1].hash)[0][0] == 0


@given(json_values)
def test_an_entry_keeps_its_hash_on_the_way_through_json(value: Any) -> None:
    entry = make_entry(
        previous=None, audit=Audit(actor="a", environment=None, at=START), act="b", subject="c", after=value
    )
    kept = json.loads(json.dumps(entry.after))
    assert entry_hash(dataclasses.replace(entry, after=kept)) == entry.hash


@given(json_values)
def test_canonical_json_is_its_own_canonical_form(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


def test_the_same_value_written_differently_has_one_text() -> None:
    berlin = timezone(timedelta(hours=1))
    assert canonical_json({"b": 2.0, "a": (1,)}) == canonical_json({"a": [1], "b": 2}) == '{"a":[1],"b":2}'
    assert canonical_json(datetime(2026, 1, 1, 1, tzinfo=berlin)) == canonical_json(START)
    assert canonical_json({Alias.CHAMPION: Outcome.PASS}) == '{"champion":"pass"}'
    assert canonical_json(-0.0) == "0"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, float("nan")]}, "$.a[1]"),
        ({"a": float("inf")}, "$.a"),
        ([datetime(2026, 1, 1)], "$[0]"),  # noqa: DTZ001 - a naive time is what is refused
        ({"a": {1: 2}}, "$.a"),
        ({"a": {1, 2}}, "$.a"),
        (b"bytes", "$"),
    ],
)
def test_what_has_no_single_text_is_refused_with_its_place(value: Any, where: str) -> None:
    with pytest.raises(RefusedError) as caught:
        plain(value)
    assert caught.value.where == where


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(RefusedError, match="not Unicode"):
        canonical_json("\ud800")
