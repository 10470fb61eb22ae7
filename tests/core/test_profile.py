"""The reference profile, and counts of other rows in its bins."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Counts, Profile, build_profile, count, merge
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="distance", kind=FieldKind.NUMBER),
        Field(name="seats", kind=FieldKind.INTEGER),
        Field(name="carrier", kind=FieldKind.STRING),
        Field(name="holiday", kind=FieldKind.BOOLEAN),
    ),
    task=Task.BINARY,
    target="late",
)
COLUMNS: dict[str, list[Any]] = {
    "distance": [float(number) for number in range(99)] + [None],
    "seats": [100, 200] * 50,
    "carrier": ["AA"] * 60 + ["UA"] * 39 + [None],
    "holiday": [True] * 10 + [False] * 89 + [None],
}
PROFILE = build_profile(COLUMNS, SIGNATURE, [0.1, 0.2, 0.9])

row = st.fixed_dictionaries(
    {
        "distance": st.none() | st.floats(allow_infinity=True),
        "seats": st.none() | st.integers(-500, 500),
        "carrier": st.none() | st.sampled_from(["AA", "UA", "ZZ"]),
        "holiday": st.none() | st.booleans(),
    }
)
tables = st.lists(row, max_size=20).map(lambda rows: {name: [r[name] for r in rows] for name in COLUMNS})


def test_a_profile_holds_bins_missing_range_and_moments() -> None:
    distance, seats, carrier, holiday = PROFILE.features
    assert PROFILE.names == SIGNATURE.names
    assert len(distance.reference.counts) == 50
    assert (distance.reference.missing, distance.reference.rows) == (1, 100)
    assert (distance.minimum, distance.maximum, distance.mean) == (0.0, 98.0, 49.0)
    assert distance.deviation == pytest.approx(np.arange(99).std())
    assert seats.reference.counts == (0, 50, 50, 0)
    assert (carrier.categories, carrier.reference.counts, carrier.reference.missing) == (
        ("AA", "UA"),
        (60, 39, 0),
        1,
    )
    assert (holiday.categories, holiday.reference.counts) == (("true", "false"), (10, 89, 0))
    assert PROFILE.score is not None
    assert PROFILE.score.reference.counts == (0, 1, 1, 1, 0)


def test_the_reference_counted_again_is_the_reference() -> None:
    counts = count(PROFILE, COLUMNS, scores=[0.1, 0.2, 0.9])
    assert counts.rows == 100
    for feature in PROFILE.features:
        assert counts.features[feature.name] == feature.reference
    assert PROFILE.score is not None
    assert counts.score == PROFILE.score.reference


def test_lists_and_arrays_count_alike() -> None:
    arrays: dict[str, Any] = {
        "distance": np.array([1.0, np.nan]),
        "seats": np.array([100, 999]),
        "carrier": np.array(["AA", "ZZ"], dtype=object),
        "holiday": np.array([True, False]),
    }
    lists: dict[str, Any] = {
        "distance": [1.0, None],
        "seats": [100, 999],
        "carrier": ["AA", "ZZ"],
        "holiday": [True, False],
    }
    assert count(PROFILE, arrays) == count(PROFILE, lists)


def test_what_training_never_saw_is_counted_as_outside() -> None:
    counts = count(
        PROFILE,
        {
            "distance": [-1.0, 5.0, 98.5],
            "seats": [150, 99, 201],
            "carrier": ["ZZ", "AA", "UA"],
            "holiday": [True] * 3,
        },
    )
    assert {name: bins.outside for name, bins in counts.features.items()} == {
        "distance": 2, "seats": 2, "carrier": 1, "holiday": 0,
    }  # fmt: skip


def test_the_top_fifty_categories_are_listed_and_the_rest_is_one_bin() -> None:
    signature = Signature(fields=(Field(name="tail", kind=FieldKind.STRING),), task=Task.BINARY, target="y")
    values = [f"N{number:03}" for number in range(80) for _ in range(80 - number)]
    profile = build_profile({"tail": values}, signature)
    tail = profile.features[0]
    assert len(tail.categories) == 50
    assert tail.categories[:2] == ("N000", "N001")
    assert tail.reference.counts[-1] == sum(range(1, 31))
    assert count(profile, {"tail": ["never seen"]}).features["tail"].outside == 0
    assert profile.score is None


@given(st.lists(tables, min_size=3, max_size=3))
def test_merged_counts_are_the_counts_of_all_rows_in_any_order(parts: list[dict[str, list[Any]]]) -> None:
    first, second, third = (count(PROFILE, part) for part in parts)
    together = count(PROFILE, {name: [value for part in parts for value in part[name]] for name in COLUMNS})
    assert merge(merge(first, second), third) == merge(first, merge(third, second)) == together
    for bins in together.features.values():
        assert bins.rows == together.rows


@given(tables)
def test_profile_and_counts_survive_json(table: dict[str, list[Any]]) -> None:
    counts = count(PROFILE, table, scores=[0.5] * 3)
    assert Counts.from_json(json.loads(json.dumps(counts.to_json(), allow_nan=False))) == counts
    assert Profile.from_json(json.loads(json.dumps(PROFILE.to_json(), allow_nan=False))) == PROFILE


def test_a_column_without_any_value_has_a_profile_too() -> None:
    signature = Signature(
        fields=(Field(name="x", kind=FieldKind.NUMBER), Field(name="s", kind=FieldKind.STRING)),
        task=Task.REGRESSION,
        target="y",
    )
    profile = build_profile({"x": [None, None], "s": [None, None]}, signature)
    assert profile.features[0].mean is None
    assert [feature.reference.missing for feature in profile.features] == [2, 2]
    counts = count(profile, {"x": [1.0], "s": ["a"]})
    assert {name: bins.outside for name, bins in counts.features.items()} == {"x": 1, "s": 1}


def test_counts_of_another_profile_are_not_merged() -> None:
    counts = count(PROFILE, COLUMNS)
    other = build_profile(COLUMNS | {"distance": [1.0] * 100}, SIGNATURE)
    with pytest.raises(RefusedError, match="different profiles"):
        merge(counts, count(other, COLUMNS))
    with pytest.raises(RefusedError, match="different profiles"):
        merge(counts, count(PROFILE, COLUMNS, scores=[0.1]))
    with pytest.raises(RefusedError, match="different profiles"):
        merge(counts, Counts(rows=0, features={}))


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RefusedError, match="lack the column 'seats'"):
        count(PROFILE, {"distance": [1.0], "carrier": ["AA"], "holiday": [True]})
    with pytest.raises(RefusedError, match="different lengths"):
        count(PROFILE, COLUMNS | {"seats": [1]})
    with pytest.raises(RefusedError, match="distance: the column holds what is no number"):
        build_profile(COLUMNS | {"distance": ["x"] * 100}, SIGNATURE)
