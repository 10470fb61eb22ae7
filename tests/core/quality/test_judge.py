"""Bad rows are found, and rows like the reference's are not called bad."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.drift_spec import QualitySpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import BinCounts, Counts, build_profile, count
from quarterdeck.core.quality.judge import judge_quality
from quarterdeck.core.quality.shares import chance_of_more
from quarterdeck.core.quality.verdict import Check, QualityResult
from quarterdeck.core.quality.volume import usual_rows, volume
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="x", kind=FieldKind.NUMBER, nullable=True),
        Field(name="s", kind=FieldKind.STRING),
        Field(name="b", kind=FieldKind.BOOLEAN),
    ),
    task=Task.REGRESSION,
    target="y",
)


def columns(rng: np.random.Generator, n: int, **changed: Any) -> dict[str, Any]:
    x = rng.normal(size=n)
    x[rng.random(n) < 0.05] = np.nan
    return {"x": x, "s": rng.choice(["a", "b", "c"], n).tolist(), "b": (rng.random(n) < 0.3).tolist()} | changed


PROFILE = build_profile(columns(np.random.default_rng(1), 20_000), SIGNATURE)


def bad(window: dict[str, Any], spec: QualitySpec | None = None) -> list[tuple[str, str]]:
    found = judge_quality(PROFILE, count(PROFILE, window), spec)
    return [(item.feature, item.check.value) for item in found if item.bad]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"x": [None] * 100 + [0.1, 0.2] * 200}, [("x", "missing")]),
        ({"x": [99.0] * 50 + [0.1, 0.2] * 225}, [("x", "out_of_range")]),
        ({"s": ["never seen"] * 50 + ["a", "b"] * 225}, [("s", "unknown_category")]),
        ({"x": [0.5] * 500}, [("x", "constant")]),
        ({"b": [True] * 500, "s": ["a"] * 500}, [("s", "constant"), ("b", "constant")]),
        ({"x": [None] * 500}, [("x", "missing")]),
    ],
)
def test_what_is_wrong_with_a_window_is_found_and_nothing_else(
    changed: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert bad(columns(np.random.default_rng(2), 500, **changed)) == expected


def test_a_small_excess_does_not_matter_however_sure_it_is() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=200_000)
    x[rng.random(200_000) < 0.065] = np.nan  # 1.5 points more than the reference
    window = {"x": x, "s": ["a", "b"] * 100_000, "b": [True, False] * 100_000}
    assert bad(window) == []
    assert bad(window, QualitySpec(missing=0.01)) == [("x", "missing")]
    assert bad(window, QualitySpec(missing=0.01, ignore=("x",))) == []


def test_rows_like_the_references_are_hardly_ever_called_bad() -> None:
    rng, alarms = np.random.default_rng(4), 0
    for n in (5, 50, 200, 1_000):
        alarms += sum(bool(bad(columns(rng, n))) for _ in range(250))
    assert alarms <= 3  # of 1,000 windows, one expected


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 50), st.integers(1, 5_000))
def test_the_chance_of_more_lies_between_0_and_1_and_falls_with_what_is_found(
    found: int, good: int, seen: int, reference: int
) -> None:
    chance = chance_of_more(found, found + good, seen, reference)
    assert 0 <= chance <= 1
    assert chance_of_more(found + 1, found + good + 1, seen, reference) <= chance + 1e-9


def test_a_window_without_moments_is_constant_only_where_one_bin_is_full() -> None:
    feature = PROFILE.features[0]
    counts = count(PROFILE, columns(np.random.default_rng(2), 500)).features
    one_bin = tuple(500 if place == 7 else 0 for place in range(len(feature.reference.counts)))
    window = Counts(rows=500, features=counts | {"x": BinCounts(counts=one_bin, missing=0)})
    found = {item.feature: item for item in judge_quality(PROFILE, window) if item.check is Check.CONSTANT}
    assert (found["x"].bad, found["s"].bad) == (True, False)


START = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday


def test_usual_is_the_same_hour_of_the_same_weekday_or_else_of_any_day() -> None:
    weekly = [(START - timedelta(weeks=week), 100) for week in range(1, 4)]
    daily = [(START - timedelta(days=day), 40) for day in range(1, 7)]
    other = [(START - timedelta(days=7, hours=1), 9_000)]
    assert usual_rows(START, weekly + daily + other) == 100
    assert usual_rows(START, weekly[:2] + daily + other) == 40
    assert usual_rows(START, weekly[:2] + other) is None
    assert usual_rows(START, [(START + timedelta(weeks=week), 5) for week in range(3)]) is None


@pytest.mark.parametrize(("rows", "found"), [(100, False), (290, False), (310, True), (34, False), (30, True)])
def test_the_volume_is_bad_beyond_its_factor(rows: int, found: bool) -> None:
    result = volume(rows, 100, alpha=0.001, factor=3)
    assert (result.bad, result.feature) == (found, "")


def test_a_few_rows_more_or_less_than_few_are_chance() -> None:
    assert not volume(4, 1, alpha=0.001, factor=3).bad
    assert not volume(0, 3, alpha=0.001, factor=3).bad


def test_the_volume_stands_last_and_every_result_survives_json() -> None:
    counts = count(PROFILE, columns(np.random.default_rng(2), 500))
    found = judge_quality(PROFILE, counts, rows=500, usual=2_000.0)
    assert (found[-1].check, found[-1].bad) == (Check.VOLUME, True)
    assert [QualityResult.from_json(item.to_json()) for item in found] == found
    assert set(found[0].to_json()) >= {"feature", "check", "value", "expected", "bad"}
