"""A pipeline's own function as its model: gates, evaluation and the cache see it as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.rules import RulesModel
from quarterdeck.core.pipeline.components.evaluate import evaluate
from quarterdeck.core.pipeline.components.rules import fingerprint, rules
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode, put_value

TEXT = "def answer(rows):\n    return [0.9 if (row['wind'] or 0) > 20 else 0.1 for row in rows]\n"


@pytest.fixture
def info(tmp_path: Path) -> PipelineInfo:
    folder = tmp_path / "pipelines" / "flights"
    folder.mkdir(parents=True)
    (folder / "by_hand.py").write_text(TEXT)
    return PipelineInfo(
        name="flights", task=Task.BINARY, target="late", entity="id", time=None, seed=0, workspace=tmp_path
    )


@pytest.fixture
def split() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(0)
    wind = rng.uniform(0, 40, 300)
    late = (wind + rng.normal(0, 5, 300) > 20).astype(int)
    frame = pl.DataFrame({"id": range(300), "wind": wind, "carrier": ["AA", "UA", "DL"] * 100, "late": late})
    holes = frame.with_columns(pl.when(pl.col("id") % 20 == 0).then(None).otherwise(pl.col("wind")).alias("wind"))
    return {"train": holes[:200], "holdout": holes[200:]}


def test_its_signature_is_read_off_the_training_rows(info: PipelineInfo, split: dict[str, pl.DataFrame]) -> None:
    model = rules(split, function="by_hand:answer", pipeline=info)
    assert model.signature.names == ("wind", "carrier") and model.signature.fields[0].nullable
    assert model.rows == 200 and model.reference.height == 200
    assert isinstance(model.estimator, RulesModel) and model.estimator.source == TEXT


def test_it_is_evaluated_as_any_model(info: PipelineInfo, split: dict[str, pl.DataFrame]) -> None:
    model = rules(split, function="by_hand:answer", features=["wind"], pipeline=info)
    metrics = evaluate(model, split, pipeline=info)["metrics"]
    assert metrics["roc_auc_score"] > 0.7


def test_it_is_kept_as_json_and_comes_back_the_same(
    info: PipelineInfo, split: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    model = rules(split, function="by_hand:answer", pipeline=info)
    store = ArtifactStore(tmp_path / "artifacts")
    first, second = (put_value(store, model, step="model").sha256 for _ in range(2))
    back = decode(store.get(first), store.get)
    assert first == second and back.estimator == model.estimator and back.signature == model.signature


def test_it_is_not_converted_and_says_why(info: PipelineInfo, split: dict[str, pl.DataFrame]) -> None:
    conversion = to_onnx(rules(split, function="by_hand:answer", pipeline=info))
    assert conversion.onnx is None and conversion.reason == "a rules model answers by itself"


def test_another_text_is_another_key_in_the_cache(info: PipelineInfo) -> None:
    settings = {"function": "by_hand:answer"}
    before = fingerprint(settings, info)
    assert fingerprint(settings, info) == before
    (info.workspace / "pipelines" / "flights" / "by_hand.py").write_text(TEXT + "\n")
    assert fingerprint(settings, info) != before


@pytest.mark.parametrize("function", ["by_hand", "by_hand:", ":answer", "../x:answer", "other:answer", "by_hand:other"])
def test_a_function_that_is_not_there_is_refused(
    info: PipelineInfo, split: dict[str, pl.DataFrame], function: str
) -> None:
    with pytest.raises(StepError):
        rules(split, function=function, pipeline=info)


def test_a_function_that_fails_on_training_rows_fails_the_step(
    info: PipelineInfo, split: dict[str, pl.DataFrame]
) -> None:
    text = "def answer(rows):\n    return [0.9 if row['wind'] > 20 else 0.1 for row in rows]\n"
    (info.workspace / "pipelines" / "flights" / "by_hand.py").write_text(text)
    with pytest.raises(StepError, match="NoneType"):
        rules(split, function="by_hand:answer", pipeline=info)
