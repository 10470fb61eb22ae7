"""Which engine serves each classifier and regressor of scikit-learn, and how far its answers are from scikit-learn's.

Every estimator is fitted on a table that suits it (parity_cases.py), kept as artifacts, loaded as the prediction server
loads it, and asked rows that came through its reader: fresh ones, and ones exactly on thresholds. The answers are held
against the estimator's own. Prints the table of docs/engines.md; fails where an answer differs.

    python benchmarks/parity.py [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from parity_cases import SEVERAL_TARGETS, Case, asked, cases, fitted, kinds

from quarterdeck.core.errors import QuarterdeckError, StepError
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.values import Engine, Task
from quarterdeck.scheduler.serving.live import load
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.store.codecs import encode
from quarterdeck.store.plans import PlannedVersion

TOLERANCE = 1e-5


class Kept(dict[str, bytes]):
    """Artifacts in memory."""

    def get(self, sha256: str, default: Any = None) -> Any:
        return self[sha256]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """`engine` is None where the model cannot be kept; `difference` is the largest, relative."""

    estimator: str
    task: str
    table: str
    engine: str | None
    reason: str
    difference: float | None
    rows: int
    wrong: str | None = None


def outcome(case: Case) -> Outcome:
    """Fits, keeps, loads and asks one estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # estimators warn of convergence on so few rows
        model = fitted(case)
        named = {"estimator": case.name, "task": str(case.task), "table": case.table}
        try:
            planned, kept, reason = _published(model)
        except StepError as error:
            return Outcome(**named, engine=None, reason=error.message, difference=None, rows=0)
        loaded = load(planned, kept)
        rows = asked(case, model)
        answers = loaded.model.ask(loaded.reader.check(rows).rows)
        engine = str(planned.engine)
        if isinstance(answers, QuarterdeckError):
            wrong = answers.message
            return Outcome(**named, engine=engine, reason=reason, difference=None, rows=len(rows), wrong=wrong)
        difference, wrong = _compare(model, answers, rows)
        return Outcome(**named, engine=engine, reason=reason, difference=difference, rows=len(rows), wrong=wrong)


def _published(model: FittedModel) -> tuple[PlannedVersion, Kept, str]:
    encoded = encode(model, step="model")
    kept = Kept({part.sha256: part.data for part in encoded.parts()})
    conversion = to_onnx(model)
    if conversion.onnx is not None:
        kept["onnx"] = conversion.onnx
    planned = PlannedVersion(
        model="parity",
        number=1,
        artifact=encoded.sha256,
        onnx=None if conversion.onnx is None else "onnx",
        engine=Engine.SKLEARN if conversion.onnx is None else Engine.ONNX,
        signature=model.signature,
    )
    return planned, kept, conversion.reason


def _compare(model: FittedModel, answers: Plain, rows: list[dict[str, Any]]) -> tuple[float, str | None]:
    """The largest relative difference from what the estimator itself says, and what is wrong, if anything."""
    frame = model_frame({name: [row[name] for row in rows] for name in model.signature.names}, model.signature)
    expected = np.asarray(model.estimator.predict(frame))
    if model.signature.task is Task.REGRESSION:
        return _difference(np.asarray(answers.values), expected.reshape(-1))
    if answers.labels != expected.tolist():
        return np.inf, "labels differ"
    if not hasattr(model.estimator, "predict_proba"):
        return 0.0, None
    return _difference(np.asarray(answers.probabilities), model.estimator.predict_proba(frame))


def _difference(one: Any, other: Any) -> tuple[float, str | None]:
    if one.shape != other.shape:
        return np.inf, "another shape"
    floor = np.abs(other).max() / 1000
    found = float((np.abs(one - other) / np.maximum(np.abs(other), max(floor, 1e-300))).max())
    return found, None if found <= TOLERANCE else f"differs by {found:.1e}"


def table(found: Iterable[Outcome]) -> str:
    """Markdown: an estimator a row, with what holds for all of its tasks and tables."""
    grouped: dict[str, list[Outcome]] = {}
    for one in found:
        grouped.setdefault(one.estimator, []).append(one)
    lines = ["| estimator | engine | largest difference | why |", "|---|---|---|---|"]
    for name, all_of in sorted(grouped.items()):
        engines = {one.engine for one in all_of}
        engine = (
            "ONNX Runtime"
            if engines == {Engine.ONNX}
            else "scikit-learn"
            if engines == {Engine.SKLEARN}
            else "not kept"
        )
        if len(engines) > 1:
            fast = [f"{one.task}, {one.table}" for one in all_of if one.engine == Engine.ONNX]
            engine = f"ONNX Runtime for {'; '.join(fast)}; scikit-learn otherwise"
        differences = [one.difference for one in all_of if one.difference is not None]
        largest = f"{max(differences):.0e}".replace("0e+00", "0") if differences else "-"
        why = next((one.reason for one in all_of if one.engine != Engine.ONNX), "")
        lines.append(f"| {name} | {engine} | {largest} | {why} |")
    return "\n".join(lines)


def summary(found: list[Outcome]) -> str:
    by_kind: dict[str, set[str | None]] = {}
    for one in found:
        by_kind.setdefault(one.estimator, set()).add(one.engine)
    fast = sum(engines == {Engine.ONNX} for engines in by_kind.values())
    some = sum(Engine.ONNX in engines and len(engines) > 1 for engines in by_kind.values())
    slow = sum(engines == {Engine.SKLEARN} for engines in by_kind.values())
    unkept = sum(None in engines for engines in by_kind.values())
    return (
        f"Of {len(kinds())} classifiers and regressors, {len(SEVERAL_TARGETS)} need several targets. Of the other "
        f"{len(by_kind)}, {fast} are served by ONNX Runtime, {some} by it for some tasks or tables, {slow} by "
        f"scikit-learn, and {unkept} cannot be kept. {len(found)} models were asked "
        f"{sum(one.rows for one in found)} rows."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = [outcome(case) for case in cases()]
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        print(f"{summary(found)}\n\n{table(found)}")
    wrong = [one for one in found if one.wrong]
    for one in wrong:
        print(f"wrong: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
