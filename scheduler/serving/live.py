"""A version that can answer: its bytes verified, its predictor built, warmed and timed."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from quarterdeck.core.counting import Counter
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.predictors import OnnxPredictor, Predictor, SklearnPredictor
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.rules import RulesModel, RulesPredictor
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Profile
from quarterdeck.core.values import Engine, Task
from quarterdeck.scheduler.serving.batcher import Batcher, Cost, Model, Row
from quarterdeck.scheduler.serving.protocols import Plain, Shape
from quarterdeck.scheduler.serving.reader import RowReader
from quarterdeck.store.plans import PlannedVersion

_WARM_ROWS = 64
_TIMES = 3


class Artifacts(Protocol):
    """Where models' bytes are kept; ArtifactStore is one."""

    def get(self, sha256: str, /) -> bytes:
        """The bytes of this digest; IntegrityError where they are not."""


class Loaded(NamedTuple):
    """What load() makes, in a thread of its own."""

    planned: PlannedVersion
    reader: RowReader
    model: Model
    cost: Cost | None
    probabilistic: bool = False  # a classifier that gives probabilities beside its labels
    counter: Counter | None = None
    uncounted: str | None = None  # why there is no counter


class LiveModel:
    """A loaded version in the server's loop. Let go when its last request is answered."""

    def __init__(self, loaded: Loaded, loop: asyncio.AbstractEventLoop) -> None:
        planned = loaded.planned
        self.planned = planned
        self.number = planned.number
        self.reader = loaded.reader
        self.model = loaded.model
        self.shape = Shape(planned.model, planned.number, planned.signature)
        self.probabilistic = loaded.probabilistic
        self.counter = loaded.counter
        self.multiclass = planned.signature.task is Task.MULTICLASS
        # Its thread starts with the first batch that needs one, and ends with this object.
        thread = ThreadPoolExecutor(1, thread_name_prefix=planned.reference)
        self.batcher = Batcher(loaded.model, loop, thread, loaded.cost)


def load(planned: PlannedVersion, artifacts: Artifacts) -> Loaded:
    """Build a version's predictor and answer a row with it.

    Raises QuarterdeckError where that cannot be done.
    """
    model = Model(_predictor(planned, artifacts), planned.signature.names)
    reader = RowReader(planned.signature)
    rows = reader.check([sample_row(planned.signature)]).rows
    answer = model.ask(rows)
    if not isinstance(answer, Plain):
        raise answer
    shape = Shape(planned.model, planned.number, planned.signature)
    shape.encode(["warm"], answer, 0)  # a model of another task than its signature's shows itself here
    cost = _cost(model, rows[0]) if planned.engine is Engine.ONNX else None
    counter, uncounted = _counter(planned, artifacts)
    return Loaded(planned, reader, model, cost, answer.probabilities is not None, counter, uncounted)


def _counter(planned: PlannedVersion, artifacts: Artifacts) -> tuple[Counter | None, str | None]:
    """What counts a version's answers into its profile's bins, or why nothing does: it answers all the same."""
    try:
        profile = None if planned.profile is None else Profile.from_json(json.loads(artifacts.get(planned.profile)))
        return Counter(profile, planned.signature.names), None
    except (QuarterdeckError, ValueError, KeyError, TypeError) as error:
        words = str(error) if isinstance(error, QuarterdeckError) else f"{type(error).__name__}: {error}"
        return None, f"its profile cannot be used, and its answers are logged and not counted: {words}"


def sample_row(signature: Signature) -> dict[str, Any]:
    """A row that the checks let pass: the middle of what training saw."""
    return {field.name: _sample(field) for field in signature.fields}


def _sample(field: Field) -> Any:
    if field.kind is FieldKind.BOOLEAN:
        return False
    if field.kind is FieldKind.STRING:
        return field.categories[0] if field.categories else ("" if field.categories is None else None)
    if field.minimum is None or field.maximum is None:
        return 0
    middle = field.minimum / 2 + field.maximum / 2
    return round(middle) if field.kind is FieldKind.INTEGER else middle


def _predictor(planned: PlannedVersion, artifacts: Artifacts) -> Predictor:
    data = artifacts.get(planned.digest)
    if planned.engine is Engine.ONNX:
        return OnnxPredictor(data, planned.signature)
    if planned.engine in (Engine.RULES, Engine.REMOTE):
        return _of_document(planned, json.loads(data), artifacts)
    from quarterdeck.core.models.fitted import FittedModel  # here: polars, only where scikit-learn answers
    from quarterdeck.store.codecs import decode

    model = decode(data, artifacts.get)
    return SklearnPredictor(model.estimator if isinstance(model, FittedModel) else model, planned.signature)


def _of_document(planned: PlannedVersion, document: Any, artifacts: Artifacts) -> Predictor:
    """The predictor of a version that is kept as JSON, without the libraries that a frame or an estimator needs."""
    part = json.loads(artifacts.get(document["model"]["estimator"]))
    if planned.engine is Engine.RULES:
        return RulesPredictor(RulesModel.from_json(part["rules"]), planned.signature)
    from quarterdeck.scheduler.remote import RemotePredictor  # here: HTTP, only where a remote model answers

    return RemotePredictor(RemoteModel.from_json(part["remote"]), planned.signature)


def _cost(model: Model, row: Row) -> Cost:
    single = min(_seconds(model, [row]) for _ in range(_TIMES))
    batch = min(_seconds(model, [row] * _WARM_ROWS) for _ in range(_TIMES))
    return Cost(call=single, row=max(0.0, batch - single) / (_WARM_ROWS - 1))


def _seconds(model: Model, rows: list[Row]) -> float:
    started = time.perf_counter()
    model.ask(rows)
    return time.perf_counter() - started
