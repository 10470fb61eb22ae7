"""What counts as new data."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.new_data import Entry, fresh, is_whole, new_data, steady
from quarterdeck.core.values import TriggerKind

DAY = 86_400.0
LISTINGS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Entry, size=st.integers(0, 3), time=st.sampled_from([1.0, 2.0]), rows=st.integers(0, 9)),
)


def spec(**changes: object) -> TriggerSpec:
    return TriggerSpec(name="t", kind=TriggerKind.NEW_DATA, source="data", **changes)  # type: ignore[arg-type]


def entry(size: int = 1, time: float = DAY, **changes: object) -> Entry:
    return Entry(size=size, time=time, **changes)  # type: ignore[arg-type]


def test_a_file_counts_once_two_looks_saw_it_alike() -> None:
    assert steady({}, {"a": entry()}) == {}
    assert steady({"a": entry(1)}, {"a": entry(2)}) == {}
    assert steady({"a": entry()}, {"a": entry()}) == {"a": entry()}


def test_a_new_file_and_a_changed_one_are_new_and_a_removed_one_is_not() -> None:
    known = {"a": entry(), "b": entry(), "c": entry()}
    assert fresh(known, {"a": entry(), "b": entry(2), "d": entry()}) == ["b", "d"]


def test_an_etag_tells_apart_what_size_and_time_do_not() -> None:
    assert fresh({"a": entry(mark="x")}, {"a": entry(mark="y")}) == ["a"]


def test_a_file_that_was_only_touched_is_not_new_by_its_bytes() -> None:
    known = {"a": entry(digest="d1")}
    assert fresh(known, {"a": entry(time=2 * DAY, digest="d1")}) == []
    assert fresh(known, {"a": entry(digest="d2")}) == ["a"]


def test_as_many_files_as_are_asked_for() -> None:
    assert new_data(spec(files=2), {}, {"a": entry()}) is None
    found = new_data(spec(files=2), {}, {"a": entry(), "b": entry(time=2 * DAY)})
    assert found is not None and found.names == ("a", "b") and found.newest is not None
    assert found.newest.day == 3


def test_as_many_rows_as_are_asked_for_and_a_file_that_grew_brings_what_it_grew_by() -> None:
    known = {"a": entry(rows=90)}
    grown = {"a": entry(2, rows=100)}
    assert new_data(spec(rows=11), known, grown) is None
    found = new_data(spec(rows=10), known, grown)
    assert found is not None and found.rows == 10 and found.message == "1 new file with 10 new rows"
    assert new_data(spec(rows=50), known, {"a": entry(3, rows=60)}) is not None  # written anew


def test_fresher_by_asks_how_much_newer_the_newest_is() -> None:
    wanted = spec(fresher_by=timedelta(days=1))
    known = {"a": entry(time=DAY)}
    assert new_data(wanted, known, {"b": entry(time=1.9 * DAY)}) is None
    assert new_data(wanted, known, {"b": entry(time=2 * DAY)}) is not None
    assert new_data(wanted, {}, {"b": entry(time=1.0)}) is not None
    assert new_data(wanted, known, {"b": Entry(size=1)}) is None  # a store that tells no times


@given(LISTINGS, LISTINGS)
def test_what_was_taken_in_is_never_new_again(known: dict[str, Entry], found: dict[str, Entry]) -> None:
    assert new_data(spec(), known | found, found) is None
    assert fresh(found, found) == []
    assert set(fresh(known, found)) <= set(found)


@given(LISTINGS)
def test_entries_are_kept_as_they_are(listing: dict[str, Entry]) -> None:
    assert {name: Entry.from_json(item.to_json()) for name, item in listing.items()} == listing


@pytest.mark.parametrize(
    ("name", "whole"),
    [("data/a.parquet", True), ("data/.a.parquet", False), ("a.csv.tmp", False), ("b/a.part", False), ("~a", False)],
)
def test_what_is_being_written_is_known_by_its_name(name: str, whole: bool) -> None:
    assert is_whole(name) is whole
