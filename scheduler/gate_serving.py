"""Judges the gates that are asked of what will be served: one process loads and queries it for all of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.gate_kinds import MEMORY_MB, SECONDS, TARGET, needs_probe
from quarterdeck.core.gate_served import judge_served
from quarterdeck.core.gates import GateResult
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import engine_of, kind_of
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.probe import Limits, ProbeReport
from quarterdeck.core.values import Engine
from quarterdeck.scheduler.probe import Served, probe
from quarterdeck.store.artifacts import ArtifactStore

log = logging.getLogger(__name__)

_PACKAGES = ("numpy", "onnxruntime", "polars", "scikit-learn", "scipy", "skops")


def served_of(place: str, name: str, model: FittedModel, *, artifact: str, onnx: str | None) -> Served:
    """The version as the server will load it from `place`, a folder or a URL of artifacts."""
    columns = [model.reference[field].to_list() for field in model.signature.names]
    return Served(
        artifacts=place,
        model=name,
        artifact=artifact,
        onnx=onnx,
        engine=engine_of(kind_of(model.estimator), converted=onnx is not None),
        signature=model.signature,
        rows=tuple(zip(*columns, strict=True)),
    )


def judge_serving(
    gates: Sequence[GateSpec], served: Served, expected: Answers, artifacts: ArtifactStore
) -> list[GateResult]:
    """The verdicts of these gates, in their order. `expected`: the training engine's answers to the served rows."""
    if not gates:
        return []
    report = _report(gates, served)
    packages = _installed()
    return [
        judge_served(
            gate,
            size_bytes=served_bytes(served, artifacts),
            report=report,
            expected_scores=expected.scores.tolist(),
            expected_labels=expected.labels,
            packages=packages,
        )
        for gate in gates
    ]


def _report(gates: Sequence[GateSpec], served: Served) -> ProbeReport | None:
    """What a process found, within the limits of the gate on the target if there is one; None where none is asked."""
    if not any(needs_probe(gate.metric) for gate in gates):
        return None
    target = next((gate for gate in gates if gate.metric == TARGET), None)
    limits, interpreter = Limits(), None
    if target is not None:
        limits = Limits(memory_mb=target.memory_mb or MEMORY_MB, seconds=target.seconds or SECONDS)
        interpreter = target.interpreter
    try:
        report = probe(served, limits=limits, interpreter=interpreter)
    except NotFoundError as error:  # a wrong path fails the gate, not the run
        report = ProbeReport(problem=str(error))
    if report.problem is not None:
        log.warning("the model as it will be served: %s", report.problem)
    return report


def served_bytes(served: Served, artifacts: ArtifactStore) -> int:
    """What the server reads to load it, in bytes: the ONNX file, or the model's document and its estimator."""
    if served.engine is Engine.ONNX and served.onnx is not None:
        return len(artifacts.get(served.onnx))
    data = artifacts.get(served.artifact)
    size = len(data)
    if data.startswith(b"{"):
        estimator = (json.loads(data).get("model") or {}).get("estimator")
        size += 0 if estimator is None else len(artifacts.get(estimator))
    return size


def _installed() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # not every engine needs all
            continue
    return found
