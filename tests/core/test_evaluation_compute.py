"""What is measured on held-out rows: known answers on rows that were made to have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LinearRegression

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.evaluation import Evaluation
from quarterdeck.core.evaluation_compute import HeldOut, calibrate, evaluate, residuals
from quarterdeck.core.evaluation_importance import permutation_importance
from quarterdeck.core.evaluation_intervals import KpiFigure, measure
from quarterdeck.core.metrics.families import compute_all
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import build_profile
from quarterdeck.core.values import Task

N = 600


def binary(seed: int = 0, *, sharpness: float = 2.0, n: int = N) -> Rows:
    """Labels drawn from the very probabilities that are scored: calibrated by construction."""
    rng = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(-sharpness * rng.normal(size=n)))
    return Rows(task=Task.BINARY, y=(rng.random(n) < probability).astype(np.intp), score=probability, threshold=0.5)


def with_scores(rows: Rows, score: NDArray[np.float64]) -> Rows:
    return Rows(task=rows.task, y=rows.y, score=score, threshold=rows.threshold)


def values_of(rows: Rows) -> dict[str, float]:
    return compute_all(rows.task, rows.y, rows.score)


def test_every_metric_has_an_interval_around_its_value() -> None:
    rows = binary()
    found = measure(values_of(rows), rows, None, {})
    assert [item.name for item in found] == list(values_of(rows))
    for item in found:
        assert item.interval is not None and item.why_not == ""
        assert item.interval.low < item.value < item.interval.high
        assert item.interval.high - item.interval.low < 0.3
        assert item.champion is None and item.difference is None


def test_every_metric_of_a_regression_and_of_many_classes_has_an_interval() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=300)
    regression = Rows(task=Task.REGRESSION, y=y, score=y + rng.normal(size=300), threshold=0.5)
    probability = rng.dirichlet([2.0, 1.0, 1.0], size=300)
    labels = np.array([rng.choice(3, p=row) for row in probability])
    classes = Rows(task=Task.MULTICLASS, y=labels, score=probability, threshold=0.5)
    for rows in (regression, classes):
        for item in measure(values_of(rows), rows, None, {}):
            assert item.interval is not None and item.interval.low < item.value < item.interval.high


@pytest.mark.slow
def test_the_intervals_hold_the_true_value_about_95_times_of_100() -> None:
    truth = values_of(binary(999, n=200_000))
    held = dict.fromkeys(truth, 0)
    times = 40
    for seed in range(times):
        rows = binary(seed, n=300)
        for item in measure(values_of(rows), rows, None, {}, seed=seed):
            assert item.interval is not None
            held[item.name] += item.interval.low <= truth[item.name] <= item.interval.high
    # of 40 draws with 0.95 fewer than 32 hold once in 10,000
    assert min(held.values()) >= 32, held


def test_a_truly_better_model_differs_from_the_champion_and_swapping_them_flips_the_signs() -> None:
    rows = binary()
    rng = np.random.default_rng(5)
    worse = with_scores(rows, np.clip(rows.score + rng.normal(0, 0.3, N), 0, 1))
    one = {item.name: item for item in measure(values_of(rows), rows, worse, {})}
    other = {item.name: item for item in measure(values_of(worse), worse, rows, {})}
    for name, lower_is_better in (("roc_auc_score", False), ("brier_score_loss", True), ("f1_score", False)):
        there, back = one[name].difference, other[name].difference
        assert there is not None and back is not None
        assert (there.high < 0) if lower_is_better else (there.low > 0)
        assert one[name].champion == pytest.approx(other[name].value)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.004)


def test_an_identical_champion_differs_by_nothing() -> None:
    rows = binary()
    for item in measure(values_of(rows), rows, rows, {}):
        assert item.difference is not None
        assert (item.difference.low, item.difference.high) == pytest.approx((0, 0))


def test_a_kpi_has_an_interval_too_and_one_that_raises_says_so() -> None:
    rows = binary()

    def raises(at: Any) -> float:
        if len(set(at.tolist())) < N:
            raise ZeroDivisionError
        return 1.0

    kpis = {"cost": KpiFigure(own=lambda at: float(rows.score[at].mean())), "fragile": KpiFigure(own=raises)}
    cost, fragile, unknown = measure({"cost": float(rows.score.mean()), "fragile": 1.0, "x": 2.0}, rows, None, kpis)
    assert cost.interval is not None and cost.interval.low < cost.value < cost.interval.high
    assert (fragile.interval, fragile.value) == (None, 1.0)
    assert "ZeroDivisionError" in fragile.why_not
    assert unknown.interval is None and unknown.why_not


def test_one_row_has_values_and_no_intervals() -> None:
    rows = Rows(task=Task.REGRESSION, y=np.array([1.0]), score=np.array([1.5]), threshold=0.5)
    found = measure({"mean_absolute_error": 0.5}, rows, None, {})
    assert found[0].interval is None and "two" in found[0].why_not


def test_more_rows_than_are_resampled_give_an_interval_of_all_rows() -> None:
    few, many = binary(n=20_000), binary(n=60_000)
    widths = []
    for rows in (few, many):
        (item,) = measure({"f1_score": values_of(rows)["f1_score"]}, rows, None, {})
        assert item.interval is not None
        widths.append(item.interval.high - item.interval.low)
    assert widths[0] / widths[1] == pytest.approx(3**0.5, rel=0.25)


def test_probabilities_that_labels_were_drawn_from_are_calibrated_and_sharpened_ones_are_not() -> None:
    rows = binary(n=20_000)
    good, bad = calibrate(rows), calibrate(with_scores(rows, np.clip(rows.score * 1.6 - 0.3, 0, 1)))
    assert good.error < 0.02 < bad.error
    assert sum(item.n for item in good.bins) == 20_000
    assert all(item.low <= item.predicted <= item.high for item in good.bins)


def test_errors_that_grow_with_time_are_not_held_by_the_widths_of_the_earlier_half() -> None:
    rng = np.random.default_rng(2)
    steady = rng.normal(size=2_000)
    growing = steady * np.repeat([1.0, 3.0], 1_000)
    for share, same, grown in zip(
        (0.5, 0.8, 0.95), residuals(steady).coverage, residuals(growing).coverage, strict=True
    ):
        assert same.observed == pytest.approx(share, abs=0.05)
        assert grown.observed < share - 0.1
    assert residuals(steady[:10]).coverage == ()
    assert dict(residuals(steady).quantiles)[0.5] == pytest.approx(0, abs=0.1)


def linear() -> tuple[pl.DataFrame, Rows, Any, LinearRegression]:
    rng = np.random.default_rng(3)
    frame = pl.DataFrame({"much": rng.normal(size=800), "little": rng.normal(size=800), "none": rng.normal(size=800)})
    y = 5 * frame["much"].to_numpy() + frame["little"].to_numpy()
    model = LinearRegression().fit(frame.to_numpy(), y)
    rows = Rows(task=Task.REGRESSION, y=y, score=model.predict(frame.to_numpy()), threshold=0.5)
    return frame, rows, lambda some: model.predict(some.to_numpy()), model


def test_importance_orders_fields_as_scikit_learns_does() -> None:
    frame, rows, scores, model = linear()
    names = tuple(frame.columns)
    found = permutation_importance(frame, rows, scores, names, "mean_absolute_error")
    assert [item.field for item in found.fields] == ["much", "little", "none"]
    theirs = sklearn_importance(
        model, frame.to_numpy(), rows.y, scoring="neg_mean_absolute_error", n_repeats=20, random_state=0
    ).importances_mean
    ours = {item.field: item.worse_by for item in found.fields}
    assert [ours[name] for name in names] == pytest.approx(theirs, rel=0.1, abs=0.01)


def test_importance_looks_at_2000_rows_at_most() -> None:
    frame, rows, scores, _ = linear()
    long = pl.concat([frame] * 5)
    repeated = Rows(task=rows.task, y=np.tile(rows.y, 5), score=np.tile(rows.score, 5), threshold=0.5)
    asked = []

    def counted(some: pl.DataFrame) -> Any:
        asked.append(some.height)
        return scores(some)

    found = permutation_importance(long, repeated, counted, tuple(frame.columns), "mean_absolute_error")
    assert found.rows == 2_000 and sum(asked) == 3 * found.repeats * 2_000


SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER),), task=Task.BINARY, target="late", classes=("no", "yes")
)


def whole(rows: Rows, **more: Any) -> Evaluation:
    frame = pl.DataFrame({"x": rows.score})
    given = {"values": values_of(rows), "scores": lambda some: some["x"].to_numpy()} | more
    return evaluate(HeldOut(frame=frame, rows=rows), SIGNATURE, **given)


def test_the_whole_evaluation_is_the_same_each_time() -> None:
    assert whole(binary()) == whole(binary())
    assert whole(binary()).importance is not None and whole(binary()).notes == ()


def test_a_part_that_cannot_be_measured_is_noted_and_the_others_stand() -> None:
    def refuse(_: Any) -> Any:
        raise RefusedError("the model cannot be asked")

    def no_slices() -> Any:
        raise RefusedError("no column can be cut")

    found = whole(binary(), scores=refuse, slices=no_slices)
    assert found.importance is None and found.slices is None and found.calibration is not None
    assert found.notes == ("slices: no column can be cut", "importance: the model cannot be asked")


def test_a_classifier_without_probabilities_has_no_calibration() -> None:
    rows = binary()
    labels = with_scores(rows, (rows.score >= 0.5).astype(np.float64))
    frame = pl.DataFrame({"x": labels.score})
    held = HeldOut(frame=frame, rows=labels, probable=False)
    found = evaluate(held, SIGNATURE, values={"accuracy_score": 0.7}, scores=lambda some: some["x"].to_numpy())
    assert found.calibration is None and "without probabilities" in found.notes[0]
    assert found.importance is not None and found.importance.metric == "accuracy_score"


def test_fields_outside_what_training_saw_and_missing_ones_are_counted() -> None:
    rows = binary(n=4)
    profile = build_profile({"x": [0.0, 0.5, 1.0]}, SIGNATURE)
    held = HeldOut(frame=pl.DataFrame({"x": [0.1, 7.0, None, 0.3]}), rows=rows)
    found = evaluate(held, SIGNATURE, values={}, scores=lambda some: some["x"].to_numpy(), profile=profile)
    assert [(item.name, item.missing, item.outside) for item in found.fields] == [("x", 0.25, 0.25)]
    assert "NaN or infinity" in found.notes[-1]  # as this model does to the missing value


def test_the_target_is_told_by_the_shares_of_its_classes() -> None:
    found = whole(binary())
    shares = dict(found.target.shares)
    assert set(shares) == {"no", "yes"} and sum(shares.values()) == pytest.approx(1)
