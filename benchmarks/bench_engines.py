"""Seconds and bytes of models with columns of categories, by ONNX Runtime and by scikit-learn.

Histogram boosting of 200 trees with two columns of 30, or of 200, categories beside four numbers, once splitting by
sets of categories and once by their codes; and a logistic regression behind the usual preparation of the same columns.
Each engine answers through its predictor, as in the server, on one thread. The best of seven rounds counts.

    python benchmarks/bench_engines.py [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import polars as pl

from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.predictors import OnnxPredictor, Predictor, SklearnPredictor
from quarterdeck.core.pipeline.components.fit import fit
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task

TRAINED = 8_000
ROUNDS = 7
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
TREES = {"max_iter": 200, "early_stopping": False}
SETS = {**TREES, "categorical_features": ["one", "other"]}
MODELS: list[tuple[str, str, dict[str, Any], int]] = [
    ("boosting, 30 categories, by sets", BOOSTING, SETS, 30),
    ("boosting, 30 categories, by codes", BOOSTING, TREES, 30),
    ("boosting, 200 categories, by sets", BOOSTING, SETS, 200),
    ("boosting, 200 categories, by codes", BOOSTING, TREES, 200),
    ("logistic regression, 30 categories", "sklearn.linear_model.LogisticRegression", {"max_iter": 1_000}, 30),
]


def rows(categories: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(2, categories))
    places = rng.integers(0, categories, (2, TRAINED))
    numbers = rng.normal(size=(TRAINED, 4))
    raw = effects[0][places[0]] + effects[1][places[1]] * (numbers[:, 0] > 0) + numbers[:, 1]
    gaps = rng.random((2, TRAINED)) < 0.05
    texts = [
        [None if gap else f"place {place}" for place, gap in zip(*pair, strict=True)]
        for pair in zip(places, gaps, strict=True)
    ]
    return pl.DataFrame(
        {
            **{name: numbers[:, place] for place, name in enumerate("abcd")},
            "one": texts[0],
            "other": texts[1],
            "y": (raw + rng.normal(size=TRAINED) * 0.3 > 0).astype(int),
        }
    )


def trained(estimator: str, parameters: dict[str, Any], frame: pl.DataFrame) -> FittedModel:
    info = PipelineInfo(
        name="bench", task=Task.BINARY, target="y", entity=None, time=None, seed=0, workspace=Path("unused")
    )
    return fit(
        {"train": frame},
        estimator=estimator,
        parameters=parameters,
        pipeline=info,
        report=lambda fraction, message: None,
    )


def microseconds(predictor: Predictor, columns: dict[str, list[Any]]) -> float:
    predictor.predict(columns)
    started = time.perf_counter()
    predictor.predict(columns)
    calls = max(3, int(0.05 / (time.perf_counter() - started)))
    best = np.inf
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(calls):
            predictor.predict(columns)
        best = min(best, (time.perf_counter() - started) / calls)
    return float(best * 1e6)


def measure(name: str, estimator: str, parameters: dict[str, Any], categories: int) -> dict[str, Any]:
    frame = rows(categories)
    model = trained(estimator, parameters, frame)
    conversion = to_onnx(model)
    assert conversion.onnx is not None, conversion.reason
    fast = OnnxPredictor(conversion.onnx, model.signature)
    own = SklearnPredictor(model.estimator, model.signature)
    found: dict[str, Any] = {"model": name, "bytes": len(conversion.onnx), "difference": conversion.max_difference}
    for count in (1, 64):
        columns = {field: frame[field].to_list()[:count] for field in model.signature.names}
        found[f"onnx_{count}_us"] = round(microseconds(fast, columns), 1)
        found[f"sklearn_{count}_us"] = round(microseconds(own, columns), 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = [measure(*model) for model in MODELS]
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print("| model | ONNX file | 1 row, ONNX / scikit-learn | 64 rows, ONNX / scikit-learn | largest difference |")
    print("|---|---|---|---|---|")
    for one in found:
        print(
            f"| {one['model']} | {one['bytes'] / 1000:.0f} kB | {one['onnx_1_us']:.0f} / {one['sklearn_1_us']:.0f} µs "
            f"| {one['onnx_64_us']:.0f} / {one['sklearn_64_us']:.0f} µs | {one['difference']:.0e} |"
        )


if __name__ == "__main__":
    main()
