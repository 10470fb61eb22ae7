"""The model card: a fixed version's card to the letter, and what it says where something is missing.

`python tests/core/test_card.py` writes the golden card anew; read what has changed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quarterdeck.core.approval import Approval
from quarterdeck.core.card import Card, CardFacts, Named, Table
from quarterdeck.core.card_limits import warnings
from quarterdeck.core.card_markdown import to_markdown
from quarterdeck.core.card_sections import make_card
from quarterdeck.core.evaluation import (
    Calibration,
    CalibrationBin,
    DataSet,
    Evaluation,
    FieldSeen,
    Importance,
    ImportanceOf,
    Interval,
    Measured,
    Target,
)
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.ledger import Audit, Entry, make_entry
from quarterdeck.core.metrics.slices import Condition, Slice, SliceReport
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Direction, Engine, ModelKind, Outcome, RunStatus, Task, VersionState

GOLDEN = Path(__file__).with_name("golden_card.md")
AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SHA = "0123456789abcdef" * 4

SIGNATURE = Signature(
    fields=(
        Field(name="carrier", kind=FieldKind.STRING, categories=("AA", "DL", "UA")),
        Field(name="hour", kind=FieldKind.INTEGER, minimum=5.0, maximum=23.0),
        Field(name="visibility", kind=FieldKind.NUMBER, nullable=True, minimum=0.19, maximum=16.09),
    ),
    task=Task.BINARY,
    target="late",
    entity="flight_id",
    time="scheduled",
    classes=(0, 1),
)


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, method="bootstrap")


EVALUATION = Evaluation(
    rows=2_256,
    target=Target(shares=(("0", 0.641), ("1", 0.359))),
    metrics=(
        Measured(
            name="roc_auc_score",
            value=0.731,
            interval=interval(0.709, 0.752),
            champion=0.712,
            difference=interval(0.008, 0.030),
        ),
        Measured(
            name="log_loss",
            value=0.5912,
            interval=interval(0.5713, 0.6105),
            champion=0.5889,
            difference=interval(-0.002, 0.0066),
        ),
        Measured(
            name="missed_delay_cost",
            value=0.8734,
            interval=interval(0.849, 0.8979),
            champion=0.81,
            difference=interval(0.05, 0.08),
        ),
        Measured(name="f1_score", value=0.2443, why_not="only 40 of 100 resamples had a value"),
    ),
    data=(
        DataSet(name="train", rows=27_219, columns=18, sha256=SHA, first=AT - timedelta(days=400), last=AT),
        DataSet(name="holdout", rows=2_256, columns=18),
    ),
    champion=2,
    slices=SliceReport(
        rows=2_256,
        loss="brier_score_loss",
        minimum_rows=100,
        rate=0.05,
        named=(),
        worst=(
            Slice(
                conditions=(Condition(column="carrier", label="UA"), Condition(column="hour", label="17 or more")),
                rows=204,
                metric="roc_auc_score",
                value=0.61,
                interval=(0.55, 0.67),
                elsewhere=0.74,
                mean_loss=0.26,
                difference=0.05,
                p_value=0.0001,
                q_value=0.002,
            ),
        ),
        looked_at=930,
        left_out={"tail_number": "it has too many values"},
    ),
    calibration=Calibration(
        error=0.052,
        greatest=0.091,
        top_label=False,
        bins=(
            CalibrationBin(low=0.1, high=0.2, n=1_200, predicted=0.151, observed=0.158),
            CalibrationBin(low=0.4, high=0.5, n=1_056, predicted=0.442, observed=0.533),
        ),
    ),
    importance=ImportanceOf(
        metric="roc_auc_score",
        rows=2_000,
        repeats=3,
        fields=(
            Importance(field="hour", worse_by=0.1109, deviation=0.004),
            Importance(field="carrier", worse_by=0.0262, deviation=0.003),
            Importance(field="visibility", worse_by=-0.001, deviation=0.002),
        ),
    ),
    fields=(
        FieldSeen(name="carrier", missing=0.0, outside=0.0),
        FieldSeen(name="visibility", missing=0.31, outside=0.022),
    ),
)

VERDICTS = (
    replace(judge_bound(metric="roc_auc_score", value=0.731, n=2_256, minimum=0.65), interval=(0.712, 0.750)),
    GateResult(
        gate="roc_auc_score not worse than the champion by more than 0.02",
        metric="roc_auc_score",
        outcome=Outcome.PASS,
        statistic=-0.019,
        threshold=0.02,
        direction=Direction.LOWER,
        n=2_256,
        reason="worse by -0.019, at most -0.009",
        interval=(-0.029, -0.009),
    ),
    GateResult(
        gate="missed_delay_cost at most 0.97",
        metric="missed_delay_cost",
        outcome=Outcome.PASS,
        statistic=0.8734,
        threshold=0.97,
        direction=Direction.LOWER,
        n=2_256,
        reason="missed_delay_cost is 0.8734, at most 0.97",
        owner="network-operations",
    ),
)

VERSION = Version(
    model="flights",
    number=4,
    state=VersionState.CHALLENGER,
    run_id=7,
    created=AT,
    artifact=SHA,
    onnx=SHA[::-1],
    engine=Engine.ONNX,
    engine_reason="agrees within 3e-07",
    max_difference=3e-7,
    signature=SIGNATURE,
    metrics={item.name: item.value for item in EVALUATION.metrics},
    verdicts=VERDICTS,
    profile=None,
    trained_from=AT - timedelta(days=400),
    trained_to=AT - timedelta(days=30),
    rows=27_219,
    size_bytes=3_800_000,
    gate_set=3,
    evaluation=SHA,
)

RUN = Run(
    id=7,
    pipeline="flights",
    status=RunStatus.SUCCEEDED,
    requested_by="ann",
    requested_at=AT,
    cause={"kind": "drift"},
    attempt=1,
    worker_pid=None,
    worker_started=None,
    started_at=AT,
    finished_at=AT,
    cancel_requested=False,
    progress=1.0,
    message="",
    error=None,
    provenance={
        "commit": "4e2f01b9",
        "dirty": True,
        "python": "3.11.7",
        "packages": {"scikit-learn": "1.9.1", "numpy": "2.4.6"},
        "code": SHA,
        "manifest": SHA,
        "seed": 0,
    },
    version=4,
)


def entries() -> tuple[Entry, Entry]:
    audit = Audit(actor="ann", environment="production", at=AT, reason="3 of 3 gates passed")
    first = make_entry(previous=None, audit=audit, act="register", subject="flights@4")
    later = Audit(actor="daemon", environment="production", at=AT + timedelta(minutes=1), reason="compared with 2")
    return first, make_entry(previous=first, audit=later, act="challenge", subject="flights@4")


def facts(**changed: object) -> CardFacts:
    first, second = entries()
    known = CardFacts(
        version=VERSION,
        environment="production",
        last_entry=second,
        evaluation=EVALUATION,
        description="Will a flight from Newark arrive more than 15 minutes late?",
        owner="network-operations",
        run=RUN,
        cause="drift (alert 3)",
        lineage=(("split", "in", "features", SHA), ("split", "out", "split", SHA), ("model", "out", "model", SHA)),
        approvals=(
            Approval(
                environment="production", model="flights", version=4, person="ann", reason="checked | by hand", at=AT
            ),
        ),
        approvals_needed=2,
        names=(
            Named(environment="production", champion=2, challenger=4, previous=1, weight=25.0),
            Named(environment="staging", champion=4),
        ),
        rollout="canary 25 %, look 2 of 5",
        champion=replace(VERSION, number=2, metrics={"roc_auc_score": 0.74}),
        history=(second, first),
    )
    return replace(known, **changed)  # type: ignore[arg-type]  # names of the dataclass


def section(card: Card, title: str) -> str:
    """A section as Markdown."""
    (found,) = (item for item in card.sections if item.title == title)
    return to_markdown(Card(title="", as_of="", sections=(found,)))


def test_the_card_of_a_fixed_version_is_the_golden_one() -> None:
    assert to_markdown(make_card(facts())) == GOLDEN.read_text(encoding="utf-8")


def test_the_card_of_an_imported_version_says_where_it_came_from_and_that_nothing_was_measured() -> None:
    imported = replace(
        VERSION,
        run_id=None,
        evaluation=None,
        verdicts=(),
        kind=ModelKind.ONNX,
        origin={"file": "late.onnx", "sha256": SHA, "trusted": ["a.B", "c.D"]},
    )
    card = make_card(facts(version=imported, evaluation=None, run=None, no_evaluation="it was imported", lineage=()))
    assert "not measured here on held-out rows: it was imported." in section(card, "How good it is")
    assert "late.onnx" in section(card, "How it was made") and "a.B, c.D" in section(card, "How it was made")
    assert "No gates were asked" in section(card, "Gates")
    assert "it was imported" in section(card, "Limits")
    assert "learned elsewhere" in section(card, "Purpose")


def test_a_version_without_a_run_or_an_origin_says_that_it_is_not_known_where_it_comes_from() -> None:
    card = make_card(
        facts(version=replace(VERSION, run_id=None, evaluation=None), run=None, evaluation=None, history=())
    )
    assert "where it comes from is not recorded" in section(card, "How it was made")
    assert "ledger says nothing" in section(card, "History")


def test_the_least_that_is_known_still_makes_a_card() -> None:
    bare = replace(VERSION, run_id=None, evaluation=None, verdicts=(), metrics={}, trained_from=None, rows=0)
    card = make_card(CardFacts(version=bare, environment="production", last_entry=None))
    assert card.as_of == "As things stand in production; the ledger is empty."
    assert "not said in the pipeline's manifest" in section(card, "Purpose")


def test_a_pipeline_whose_folder_is_gone_is_told_by_what_was_last_known() -> None:
    assert "cannot be read any more" in section(make_card(facts(from_store=True)), "Purpose")
    assert "cannot be read any more" not in section(make_card(facts()), "Purpose")


def test_a_difference_reads_better_or_worse_by_the_metrics_direction_and_a_kpis_by_its_gate() -> None:
    card = make_card(facts())
    beside = next(item for item in card.sections if item.title == "Beside the champion")
    table = next(block for block in beside.blocks if isinstance(block, Table))
    assert {row[0]: row[-1] for row in table.rows} == {
        "ROC AUC": "better",
        "Log loss": "not told apart",
        "Missed delay cost": "worse",  # it may be at most 0.97: lower is better
        "F1": "not compared",
    }


def test_a_failed_gate_and_one_without_evidence_are_the_first_limits() -> None:
    failed = replace(VERDICTS[0], outcome=Outcome.FAIL, reason="it is 0.6")
    held = replace(VERDICTS[1], outcome=Outcome.HOLD, reason="too few rows", rows_needed=610)
    card = make_card(facts(version=replace(VERSION, verdicts=(failed, held))))
    found = warnings(facts(version=replace(VERSION, verdicts=(failed, held))))
    assert found[0] == "The gate roc_auc_score at least 0.65 failed: it is 0.6."
    assert "lacks evidence: too few rows" in found[1]
    assert "610 more needed" in section(card, "Gates")


def test_a_version_with_nothing_against_it_has_no_warnings() -> None:
    plain = replace(EVALUATION, slices=None, calibration=None, fields=(), rows=5_000)
    clean = replace(RUN, provenance=RUN.provenance | {"dirty": False})
    assert warnings(facts(evaluation=plain, run=clean)) == []


@pytest.mark.parametrize("card", [make_card(facts()), make_card(facts(evaluation=None, run=None))])
def test_every_row_of_a_table_has_a_cell_for_each_column(card: Card) -> None:
    tables = [block for item in card.sections for block in item.blocks if isinstance(block, Table)]
    assert tables
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_the_same_facts_make_the_same_card() -> None:
    assert make_card(facts()) == make_card(facts())


if __name__ == "__main__":
    GOLDEN.write_text(to_markdown(make_card(facts())), encoding="utf-8")
