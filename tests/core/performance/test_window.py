"""One window judged: measured where labels came, estimated where not, silent where an estimate would not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.performance.finding import ESTIMATE_NOTE, Finding, Kind
from quarterdeck.core.performance.judging import NO_REFERENCE, WindowRows
from quarterdeck.core.performance.learning import HeldOut, learn
from quarterdeck.core.performance.reference import Reference
from quarterdeck.core.performance.validity import NOT_VALID, Judged
from quarterdeck.core.performance.window import judge_window
from quarterdeck.core.values import Task

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER), Field(name="carrier", kind=FieldKind.STRING)),
    task=Task.BINARY,
    target="late",
    time="at",
    classes=("no", "yes"),
)
NUMBERS = replace(SIGNATURE, task=Task.REGRESSION, target="delay", classes=None)


def drawn(seed: int, n: int, *, turned: bool = False, noise: float = 1.0) -> pl.DataFrame:
    """x, a carrier, how probable it is to be late, whether it was, and a delay with its answer."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, n)
    late = rng.uniform(size=n) < (1 - x if turned else x)
    return pl.DataFrame({
        "at": [START + number * timedelta(minutes=1) for number in range(n)],
        "x": x, "carrier": rng.choice(["AA", "UA"], n), "score": x, "late": np.where(late, "yes", "no"),
        "delay": 10 * x + rng.normal(0, 1, n) * noise * (0.5 + x), "answer": 10 * x,
    })  # fmt: skip


def learned(frame: pl.DataFrame, signature: Signature = SIGNATURE) -> Reference:
    columns = {name: frame[name].to_list() for name in signature.names}
    score = frame["score" if signature is SIGNATURE else "answer"].to_numpy()
    rows = Rows.check(signature.task, frame[signature.target].to_list(), score, classes=signature.classes)
    return learn(HeldOut(rows=rows, columns=columns, frame=frame), signature, train=frame, slices=("carrier",))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return learned(drawn(0, 2_000))


@pytest.fixture(scope="module")
def losses() -> Reference:
    return learned(drawn(0, 2_000), NUMBERS)


def rows_of(frame: pl.DataFrame, *, labelled: float = 0.0, signature: Signature = SIGNATURE, **changes: Any) -> Any:
    known = round(labelled * frame.height)
    labels = [*frame[signature.target].to_list()[:known], *[None] * (frame.height - known)]
    plain = WindowRows(
        start=START,
        scores=frame["score" if signature is SIGNATURE else "answer"].to_numpy(),
        labels=labels,
        columns={name: frame[name].to_list() for name in signature.names},
        total=frame.height,
    )
    return replace(plain, **changes)


Found = Callable[..., dict[str, Finding]]


def overall(findings: tuple[Finding, ...], kind: Kind) -> dict[str, Finding]:
    return {item.metric: item for item in findings if item.kind is kind and item.slice is None}


def judge(rows: WindowRows, reference: Reference | None, **options: Any) -> tuple[Finding, ...]:
    signature = options.pop("signature", SIGNATURE)
    return judge_window(rows, signature, reference, minimum_rows=50, **options)


def test_without_labels_each_metric_is_estimated_with_its_error_and_its_threshold(reference: Reference) -> None:
    found = overall(judge(rows_of(drawn(1, 600)), reference), Kind.ESTIMATED)
    assert list(found) == [
        "roc_auc_score", "log_loss", "brier_score_loss", "accuracy_score", "f1_score", "precision_score",
        "recall_score", "specificity_score",
    ]  # fmt: skip
    for item in found.values():
        assert item.lower < item.value < item.upper
        assert item.threshold_low < item.value < item.threshold_high
        assert not item.alert
        assert item.agrees is None
        assert item.note == ESTIMATE_NOTE


def test_labels_are_measured_beside_the_estimate_and_the_two_agree(reference: Reference) -> None:
    findings = judge(rows_of(drawn(1, 600), labelled=1.0), reference)
    measured, told = overall(findings, Kind.LABELLED), overall(findings, Kind.ESTIMATED)
    assert set(told) < set(measured)
    assert all(item.agrees for item in told.values())
    assert measured["accuracy_score"].n == 600
    assert not any(item.alert for item in findings)


def test_decay_alerts_where_it_is_measured_and_the_estimate_is_blind_to_it(reference: Reference) -> None:
    findings = judge(rows_of(drawn(2, 600, turned=True), labelled=1.0), reference)
    measured, told = overall(findings, Kind.LABELLED), overall(findings, Kind.ESTIMATED)
    assert measured["roc_auc_score"].alert and measured["accuracy_score"].alert
    assert not told["accuracy_score"].alert
    assert told["accuracy_score"].agrees is False


def test_from_the_second_window_that_disagrees_estimates_are_not_valid_since_the_first(reference: Reference) -> None:
    first = judge(rows_of(drawn(2, 600, turned=True), labelled=1.0), reference)
    assert not any(NOT_VALID in item.note for item in first)
    before = [Judged(start=START, findings=first)]
    later = rows_of(drawn(3, 600, turned=True), labelled=1.0, start=START + HOUR)
    second = judge(later, reference, before=before)
    before.append(Judged(start=START + HOUR, findings=second))
    third = judge(rows_of(drawn(4, 600, turned=True), start=START + 2 * HOUR), reference, before=before)
    for findings in (second, third):
        told = overall(findings, Kind.ESTIMATED)["roc_auc_score"]
        assert "not valid since 2026-03-01 00:00 UTC" in told.note
        assert not told.alert


def test_few_early_labels_neither_alert_nor_judge_the_estimate(reference: Reference) -> None:
    findings = judge(rows_of(drawn(2, 600, turned=True), labelled=0.4), reference)
    measured = overall(findings, Kind.LABELLED)["accuracy_score"]
    assert (measured.n, measured.alert) == (240, False)
    assert "40% of the rows have labels" in measured.note
    assert overall(findings, Kind.ESTIMATED)["accuracy_score"].agrees is None


def test_an_estimate_is_silent_where_the_rows_are_not_like_any_that_it_learned_from(reference: Reference) -> None:
    frame = drawn(1, 600).with_columns(x=pl.col("x") + 0.5)
    (told,) = overall(judge(rows_of(frame), reference), Kind.ESTIMATED).values()
    assert told.value is None
    assert "of the rows x is outside" in told.note
    strange = drawn(1, 600).with_columns(carrier=pl.lit("B6"))
    (told,) = overall(judge(rows_of(strange), reference), Kind.ESTIMATED).values()
    assert "100% of the rows carrier is outside" in told.note


def test_an_estimate_is_silent_on_few_rows_and_without_a_reference(reference: Reference) -> None:
    (told,) = overall(judge(rows_of(drawn(1, 49)), reference), Kind.ESTIMATED).values()
    assert told.note == "no estimate: 49 rows are too few, 50 are needed"
    findings = judge(rows_of(drawn(1, 600), labelled=1.0), None)
    (told,) = overall(findings, Kind.ESTIMATED).values()
    assert told.note == NO_REFERENCE
    assert overall(findings, Kind.LABELLED)["accuracy_score"].threshold_low is None


def test_a_reference_that_could_not_foretell_its_own_later_half_estimates_nothing() -> None:
    changed = pl.concat([drawn(0, 1_000), drawn(1, 1_000, turned=True)])
    restless = changed.with_columns(at=pl.Series([START + number * HOUR for number in range(2_000)]))
    found = learned(restless)
    assert found.calibrator is None
    assert "learned from the earlier half" in found.silent
    (told,) = overall(judge(rows_of(drawn(2, 600)), found), Kind.ESTIMATED).values()
    assert told.note == found.silent


def test_few_held_out_rows_calibrate_nothing() -> None:
    assert "150 held-out rows are too few" in learned(drawn(0, 150)).silent
    lopsided = drawn(0, 400).with_columns(late=pl.Series(["yes"] * 10 + ["no"] * 390))
    assert "a class has 10 held-out rows" in learned(lopsided).silent


def test_a_slice_has_its_own_reference_measured_and_estimated(reference: Reference) -> None:
    findings = judge(rows_of(drawn(1, 600), labelled=1.0), reference)
    slices = {(item.slice, item.kind) for item in findings if item.slice is not None}
    assert slices == {(name, kind) for name in ("carrier=AA", "carrier=UA") for kind in (Kind.LABELLED, Kind.ESTIMATED)}
    for item in findings:
        if item.slice is not None:
            assert item.metric == "roc_auc_score"
            assert item.reference == reference.slices[item.slice].value
            assert item.threshold_low < item.value


def test_a_slice_that_decays_alone_alerts_alone(reference: Reference) -> None:
    frame = drawn(5, 1_500)
    turned = pl.when(pl.col("late") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    frame = frame.with_columns(late=pl.when(pl.col("carrier") == "UA").then(turned).otherwise(pl.col("late")))
    findings = judge(rows_of(frame, labelled=1.0), reference)
    alerts = [item.slice for item in findings if item.slice is not None and item.alert]
    assert alerts == ["carrier=UA"]


def test_a_label_that_the_model_does_not_know_is_said_and_measures_nothing(reference: Reference) -> None:
    rows = rows_of(drawn(1, 60), labelled=1.0)
    findings = judge(replace(rows, labels=["maybe", *rows.labels[1:]]), reference)
    (measured,) = overall(findings, Kind.LABELLED).values()
    assert measured.value is None
    assert measured.note.endswith("is none of the classes")


@pytest.mark.slow
def test_regressions_are_estimated_by_their_learned_loss(losses: Reference) -> None:
    assert losses.silent == ""
    findings = judge(rows_of(drawn(1, 600), labelled=1.0, signature=NUMBERS), losses, signature=NUMBERS)
    measured, told = overall(findings, Kind.LABELLED), overall(findings, Kind.ESTIMATED)
    assert list(told) == ["mean_absolute_error", "root_mean_squared_error", "mean_squared_error"]
    assert all(item.agrees for item in told.values())
    assert "median_absolute_error" in measured and "r2_score" in measured
    assert not overall(findings, Kind.SERVED)  # a regression has no confidence


def test_the_loss_of_decayed_hulls_is_measured_and_not_foretold(losses: Reference) -> None:
    frame = drawn(2, 600, noise=2.0)
    findings = judge(rows_of(frame, labelled=1.0, signature=NUMBERS), losses, signature=NUMBERS)
    assert overall(findings, Kind.LABELLED)["mean_absolute_error"].alert
    assert overall(findings, Kind.ESTIMATED)["mean_absolute_error"].agrees is False


def test_confidence_is_held_against_the_held_out_rows(reference: Reference) -> None:
    calm = overall(judge(rows_of(drawn(1, 600)), reference), Kind.SERVED)["confidence"]
    assert calm.value == pytest.approx(0.75, abs=0.02)
    assert not calm.alert
    frame = drawn(1, 600).with_columns(score=pl.lit(0.5))
    assert overall(judge(rows_of(frame), reference), Kind.SERVED)["confidence"].alert


def test_a_window_without_rows_has_no_findings(reference: Reference) -> None:
    assert judge(rows_of(drawn(1, 0)), reference) == ()


def test_a_reference_is_the_same_after_it_was_kept(reference: Reference, losses: Reference) -> None:
    for known, signature in ((reference, SIGNATURE), (losses, NUMBERS)):
        again = Reference.from_bytes(known.to_bytes())
        assert again.to_bytes() == known.to_bytes()
        rows = rows_of(drawn(1, 300), labelled=1.0, signature=signature)
        assert judge(rows, again, signature=signature) == judge(rows, known, signature=signature)
