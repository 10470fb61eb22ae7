"""Slices: how columns are cut, what is measured in each, and what a search finds."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import compute
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.metrics.slice_cuts import MISSING, OTHER, cut_column
from quarterdeck.core.metrics.slice_measures import measure_slices, welch
from quarterdeck.core.metrics.slices import Condition, Slice, SliceReport
from quarterdeck.core.metrics.worst_slices import worst_slices
from quarterdeck.core.values import Task

HEAVY = {"numpy", "polars", "scipy", "sklearn"}


def test_the_values_load_without_numpy() -> None:
    code = "import sys, quarterdeck.core.metrics.slices; print([m for m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(eval(done.stdout))  # noqa: S307  # a list that we printed


def test_a_report_survives_json() -> None:
    one = Slice(
        conditions=(Condition(column="carrier", label="UA"), Condition(column="hour", label="18 or more")),
        rows=140, metric="roc_auc_score", value=0.61, interval=(0.55, 0.67), elsewhere=0.72,
        mean_loss=0.2, difference=0.05, p_value=0.001, q_value=0.02,
    )  # fmt: skip
    report = SliceReport(
        rows=900, loss="brier_score_loss", minimum_rows=100, rate=0.05, named=(), worst=(one,), looked_at=40,
        small=2, left_out={"day": "it is Date"},
    )  # fmt: skip
    assert SliceReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    assert one.name == "carrier = UA and hour = 18 or more"


# Cutting


def test_numbers_are_cut_at_the_quantiles_of_training_and_null_is_its_own_slice() -> None:
    train = pl.DataFrame({"x": [float(i) for i in range(100)]})
    cut = cut_column(train, "x")
    assert cut.labels == ("below 24.75", "24.75 to 49.5", "49.5 to 74.25", "74.25 or more", OTHER, MISSING)
    codes = cut.codes(pl.DataFrame({"x": [-1e9, 24.75, 60.0, 1e9, None, float("nan")]}))
    assert [cut.labels[code] for code in codes] == [
        cut.labels[0],
        cut.labels[1],
        cut.labels[2],
        cut.labels[3],
        MISSING,
        MISSING,
    ]


def test_frequent_categories_have_a_slice_each_and_the_tail_and_the_unseen_share_one() -> None:
    train = pl.DataFrame({"c": ["a"] * 5 + ["b"] * 3 + ["z", None]})
    cut = cut_column(train, "c", categories=2)
    assert cut.labels == ("a", "b", OTHER, MISSING)
    codes = cut.codes(pl.DataFrame({"c": ["b", "z", "never", None]}))
    assert [cut.labels[code] for code in codes] == ["b", OTHER, OTHER, MISSING]


def test_few_different_numbers_and_booleans_have_a_slice_each() -> None:
    train = pl.DataFrame({"day": [3, 1, 2, 1], "late": [True, False, None, True]})
    assert cut_column(train, "day").labels[:3] == ("1", "2", "3")
    assert cut_column(train, "late").labels == ("yes", "no", OTHER, MISSING)


def test_a_column_without_values_has_one_slice() -> None:
    assert cut_column(pl.DataFrame({"x": [None, None]}, schema={"x": pl.Float64}), "x").labels == (OTHER, MISSING)


def test_a_column_that_is_not_there_or_has_no_slices_is_refused_with_the_nearest() -> None:
    frame = pl.DataFrame({"carrier": ["a"], "day": [None]}, schema_overrides={"day": pl.Date})
    with pytest.raises(RefusedError, match="did you mean `carrier`"):
        cut_column(frame, "carier")
    with pytest.raises(RefusedError, match="day is Date"):
        cut_column(frame, "day")


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60),
    st.lists(st.one_of(st.none(), st.floats(-1e7, 1e7)), min_size=1, max_size=30),
    st.integers(2, 6),
)
def test_every_row_lies_in_one_slice_and_greater_numbers_in_no_lower_one(
    train: list[float | None], rows: list[float | None], bins: int
) -> None:
    cut = cut_column(pl.DataFrame({"x": pl.Series(train, dtype=pl.Float64)}), "x", bins=bins)
    codes = cut.codes(pl.DataFrame({"x": pl.Series(rows, dtype=pl.Float64)}))
    assert len(set(cut.labels)) == len(cut.labels)
    assert all((cut.labels[code] == MISSING) == (value is None) for code, value in zip(codes, rows, strict=True))
    if cut.edges is not None:
        known = sorted((value, code) for code, value in zip(codes, rows, strict=True) if value is not None)
        assert [code for _, code in known] == sorted(code for _, code in known)


# Measuring


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_the_p_value_is_scipys_welch_test(seed: int, slices: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, slices, 80)
    losses = rng.exponential(1.0, 80) * (1 + codes) + 1e6
    found = welch(losses, codes, slices)
    for place in range(slices):
        own, rest = losses[codes == place], losses[codes != place]
        if min(len(own), len(rest)) < 2:
            assert np.isnan(found.p[place])
            continue
        expected = stats.ttest_ind(own, rest, equal_var=False, alternative="greater")
        assert found.p[place] == pytest.approx(expected.pvalue, rel=1e-5)
        assert found.difference[place] == pytest.approx(own.mean() - rest.mean(), rel=1e-6)


def test_without_variance_the_means_alone_decide() -> None:
    found = welch(np.array([1.0, 1, 0, 0]), np.array([0, 0, 1, 1]), 3)
    assert found.p[0] == 0
    assert found.p[1] == 1
    assert np.isnan(found.p[2])
    assert welch(np.ones(4), np.array([0, 0, 1, 1]), 2).p.tolist() == [1, 1]


def _flights(n: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, Rows, np.ndarray]:
    """Held-out rows on which the model is wrong for carrier C in the last quarter of x, and right elsewhere."""
    rng = np.random.default_rng(seed)

    def frame(rows: int) -> pl.DataFrame:
        noise = {f"f{i}": rng.normal(size=rows) for i in range(6)}
        return pl.DataFrame({"carrier": rng.choice(list("ABCD"), rows), "x": rng.uniform(size=rows), **noise})

    train, holdout = frame(4000), frame(n)
    p = rng.uniform(size=n)
    y = (rng.uniform(size=n) < p).astype(int)
    bad = ((holdout["carrier"] == "C") & (holdout["x"] > 0.75)).to_numpy()
    y[bad] = (rng.uniform(size=bad.sum()) < 1 - p[bad]).astype(int)
    return train, holdout, Rows.check(Task.BINARY, y, p), bad


def test_each_slice_has_its_metric_its_rest_and_its_interval() -> None:
    train, holdout, rows, _ = _flights(3000, 1)
    found, small, left_out = measure_slices(rows, holdout, train, ["carrier", "carier"], minimum_rows=100)
    assert {item.name for item in found} == {f"carrier = {name}" for name in "ABCD"}
    assert small == 0
    assert list(left_out) == ["carier"]
    worst = next(item for item in found if item.name == "carrier = C")
    inside = (holdout["carrier"] == "C").to_numpy()
    assert worst.rows == inside.sum()
    assert worst.value == pytest.approx(compute("roc_auc_score", Task.BINARY, rows.y[inside], rows.score[inside]))
    assert worst.elsewhere == pytest.approx(compute("roc_auc_score", Task.BINARY, rows.y[~inside], rows.score[~inside]))
    assert worst.interval is not None and worst.value is not None
    assert worst.interval[0] < worst.value < worst.interval[1]
    assert worst.q_value is not None and worst.p_value is not None and worst.p_value <= worst.q_value < 0.001


def test_a_slice_with_few_rows_is_counted_and_not_measured() -> None:
    rows = Rows.check(Task.REGRESSION, np.arange(12.0), np.zeros(12))
    frame = pl.DataFrame({"c": ["a"] * 10 + ["b"] * 2})
    found, small, _ = measure_slices(rows, frame, frame, ["c"], minimum_rows=5)
    assert [item.name for item in found] == ["c = a"]
    assert small == 1


def test_a_metric_without_meaning_on_a_slice_leaves_its_loss() -> None:
    frame = pl.DataFrame({"c": ["a"] * 50 + ["b"] * 50})
    rows = Rows.check(Task.BINARY, [0] * 50 + [0, 1] * 25, np.linspace(0.1, 0.9, 100))
    first, second = measure_slices(rows, frame, frame, ["c"], minimum_rows=10)[0]
    assert first.value is None and first.interval is None
    assert first.mean_loss > 0
    assert second.value is not None


# Searching


def test_the_search_finds_the_pair_that_is_wrong_and_not_its_chance_companions() -> None:
    train, holdout, rows, bad = _flights(6000, 2)
    found, looked_at = worst_slices(rows, holdout, train, holdout.columns)
    assert {(part.column, part.label[:2]) for part in found[0].conditions} == {("carrier", "C"), ("x", "0.")}
    assert abs(found[0].rows - bad.sum()) < 0.1 * bad.sum()
    assert looked_at == 32 + 28 * 16  # eight columns of four slices, and the sixteen of each pair
    assert not [item for item in found if any(part.column.startswith("f") for part in item.conditions)]
    assert all(item.q_value is not None and item.q_value <= 0.05 for item in found)


def test_where_the_model_is_as_good_everywhere_the_search_seldom_finds_anything() -> None:
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = pl.DataFrame({f"f{i}": rng.normal(size=1000) for i in range(5)})
        p = rng.uniform(size=1000)
        rows = Rows.check(Task.BINARY, (rng.uniform(size=1000) < p).astype(int), p)
        wrong += bool(worst_slices(rows, frame, frame, frame.columns, minimum_rows=50)[0])
    assert wrong <= 6  # at a rate of 5 %, more than 6 of 40 come in one of a hundred times


def test_nothing_to_look_at_is_an_empty_answer() -> None:
    rows = Rows.check(Task.REGRESSION, [1.0, 2.0], [1.0, 1.0])
    frame = pl.DataFrame({"c": ["a", "b"]})
    assert worst_slices(rows, frame, frame, ["c", "none"]) == ((), 0)
