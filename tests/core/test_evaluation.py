"""What was measured of a version comes back from JSON as it was, and loads without numpy."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.evaluation import (
    Calibration,
    CalibrationBin,
    Coverage,
    DataSet,
    Evaluation,
    FieldSeen,
    Importance,
    ImportanceOf,
    Interval,
    Measured,
    Residuals,
    Target,
)
from quarterdeck.core.metrics.slices import Condition, Slice, SliceReport

NEAR = Interval(low=0.7, high=0.8, method="DeLong")
FULL = Evaluation(
    rows=100,
    target=Target(shares=(("0", 0.6), ("1", 0.4)), quantiles=((0.5, 3.0),)),
    metrics=(
        Measured(name="roc_auc_score", value=0.75, interval=NEAR, champion=0.74, difference=NEAR),
        Measured(name="cost", value=1.0, why_not="it raised ValueError on a part of the rows"),
    ),
    data=(DataSet(name="train", rows=5, columns=2, sha256="ab", first=datetime(2013, 1, 1, tzinfo=UTC)),),
    champion=3,
    slices=SliceReport(
        rows=100,
        loss="log_loss",
        minimum_rows=10,
        rate=0.05,
        named=(),
        worst=(
            Slice(
                conditions=(Condition(column="a", label="b"),),
                rows=20,
                metric="roc_auc_score",
                value=None,
                interval=(0.1, 0.2),
                elsewhere=0.5,
                mean_loss=0.3,
                difference=0.1,
                p_value=0.01,
                q_value=0.02,
            ),
        ),
        looked_at=4,
        left_out={"c": "too many values"},
    ),
    calibration=Calibration(
        error=0.1,
        greatest=0.2,
        top_label=True,
        bins=(CalibrationBin(low=0.0, high=0.1, n=5, predicted=0.05, observed=0.2),),
    ),
    residuals=Residuals(quantiles=((0.5, 0.1),), coverage=(Coverage(share=0.5, width=1.0, observed=0.4),)),
    importance=ImportanceOf(
        metric="roc_auc_score", rows=100, repeats=3, fields=(Importance(field="a", worse_by=0.1, deviation=0.0),)
    ),
    fields=(FieldSeen(name="a", missing=0.0, outside=0.5),),
    notes=("calibration: none",),
)
LEAST = Evaluation(rows=1, target=Target(), metrics=())


@pytest.mark.parametrize("evaluation", [FULL, LEAST])
def test_an_evaluation_comes_back_from_json_as_it_was(evaluation: Evaluation) -> None:
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    assert Evaluation.from_json(json.loads(text)) == evaluation


def test_another_format_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(IntegrityError, match="format 2 cannot be read") as refused:
        Evaluation.from_json(LEAST.to_json() | {"format": 2})
    assert refused.value.hint


@pytest.mark.parametrize("lost", ["rows", "metrics", "target", "calibration"])
def test_a_document_that_lacks_a_part_is_refused(lost: str) -> None:
    document = LEAST.to_json()
    del document[lost]
    with pytest.raises(IntegrityError, match=lost):
        Evaluation.from_json(document)


def test_a_metric_is_found_by_its_name() -> None:
    assert FULL.measured("cost") is FULL.metrics[1]
    assert FULL.measured("f1_score") is None


def test_evaluation_and_card_load_without_numpy() -> None:
    program = (
        "import sys, quarterdeck.core.evaluation, quarterdeck.core.card_sections, quarterdeck.core.card_markdown\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'numpy', 'polars', 'sklearn', 'scipy'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
