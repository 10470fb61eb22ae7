"""A model is loaded in a process of its own: what hangs, eats memory or crashes costs that process alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest
from sklearn.linear_model import LogisticRegression

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.gate_served import judge_served
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.rules import RulesModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.probe import Limits
from quarterdeck.core.values import Outcome, Task
from quarterdeck.scheduler.assessment import answers_of
from quarterdeck.scheduler.gate_serving import judge_serving, served_of
from quarterdeck.scheduler.probe import Served, probe
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import put_value

SIGNATURE = Signature(
    fields=tuple(Field(name=name, kind=FieldKind.NUMBER, minimum=-3.0, maximum=3.0) for name in ("a", "b")),
    task=Task.BINARY, target="y", classes=(0, 1),
)  # fmt: skip
PATIENCE = Limits(memory_mb=1000, seconds=60)


def _frame(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows)})


@pytest.fixture(scope="module")
def fitted() -> FittedModel:
    frame = _frame(200)
    y = (frame["a"].to_numpy() + frame["b"].to_numpy() > 0).astype(int)
    estimator = LogisticRegression().fit(frame, y)
    return _model(estimator, frame[:40])


def _model(estimator: object, reference: pl.DataFrame) -> FittedModel:
    return FittedModel(
        estimator=estimator, signature=SIGNATURE, reference=reference, trained_from=None, trained_to=None, rows=200
    )


def _kept(folder: Path, model: FittedModel, onnx: bool = False) -> Served:
    artifacts = ArtifactStore(folder)
    made = to_onnx(model).onnx if onnx else None
    kept = None if made is None else artifacts.put(made).sha256
    artifact = put_value(artifacts, model, step="model").sha256
    return served_of(str(folder), "flights", model, artifact=artifact, onnx=kept)


def _rules(folder: Path, body: str) -> Served:
    model = RulesModel(source=f"import os\n\n\ndef rule(rows):\n    {body}\n", function="rule", gives=Gives.LABELS)
    return _kept(folder, _model(model, _frame(5)))


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_sound_model_is_loaded_by_its_hash_and_answers_as_in_training(tmp_path: Path, fitted: FittedModel) -> None:
    report = probe(_kept(tmp_path, fitted, onnx=True), limits=PATIENCE)
    assert report.problem is None
    assert report.python == ".".join(map(str, sys.version_info[:3]))
    assert {"onnxruntime", "numpy", "quarterdeck"} <= set(report.packages)
    assert report.opset is not None and report.opset > 7
    assert report.memory_mb is not None and 20 < report.memory_mb < 1000
    assert len(report.latencies_ms) >= 30
    assert report.scores == pytest.approx(answers_of(fitted, fitted.reference).scores.tolist(), rel=1e-5)


def test_what_a_process_takes_is_its_own_and_not_its_parents(tmp_path: Path, fitted: FittedModel) -> None:
    held = np.ones(60_000_000)  # 480 MB of ours
    report = probe(_kept(tmp_path, fitted, onnx=True), limits=PATIENCE)
    assert report.memory_mb is not None and report.memory_mb < held.nbytes / 1_000_000


def test_onnx_is_served_without_loading_scikit_learn(tmp_path: Path, fitted: FittedModel) -> None:
    light, heavy = (
        probe(_kept(tmp_path / str(onnx), fitted, onnx=onnx), limits=PATIENCE).memory_mb for onnx in (True, False)
    )
    assert light is not None and heavy is not None
    assert light < 0.75 * heavy


def test_a_model_that_hangs_is_stopped(tmp_path: Path) -> None:
    before = _children()
    report = probe(_rules(tmp_path, "while True: pass"), limits=Limits(memory_mb=1000, seconds=1.5))
    assert report.problem == "it had not answered after 1.5 s, and was stopped"
    assert _children() <= before


def test_a_model_that_eats_memory_is_stopped(tmp_path: Path) -> None:
    served = _rules(tmp_path, "held = []\n    while True: held.append(b'x' * 8_000_000 + os.urandom(1))")
    report = probe(served, limits=Limits(memory_mb=300, seconds=60))
    assert report.problem is not None and "above 300, and was stopped" in report.problem
    assert report.memory_mb is not None and 300 < report.memory_mb < 2000


def test_memory_that_is_asked_for_at_once_is_refused(tmp_path: Path) -> None:
    report = probe(_rules(tmp_path, "bytes(1 << 45)"), limits=Limits(memory_mb=300, seconds=60))
    assert report.problem is not None and "MemoryError" in report.problem


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os.abort()", "was killed by SIGABRT"),
        ("os._exit(3)", "ended with exit 3"),
        ("os.kill(os.getpid(), 11)", "was killed by SIGSEGV"),
        ("raise ValueError('no Newark')", "no Newark"),
        ("return ['maybe'] * len(rows)", "it cannot be used"),
    ],
)
def test_a_model_that_crashes_or_refuses_is_a_report(tmp_path: Path, body: str, said: str) -> None:
    report = probe(_rules(tmp_path, body), limits=PATIENCE)
    assert report.problem is not None and said in report.problem


def test_what_a_model_prints_is_no_report(tmp_path: Path) -> None:
    served = _rules(tmp_path, "print('{\"problem\": null}', flush=True)\n    return [0] * len(rows)")
    report = probe(served, limits=PATIENCE)
    assert report.problem is None
    assert report.labels == (0,) * 5


def test_processes_that_a_model_starts_end_with_it(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    body = f"open({str(noted)!r}, 'w').write(str(os.spawnlp(os.P_NOWAIT, 'tail', 'tail', '-f', '/dev/null')))"
    report = probe(_rules(tmp_path / "kept", f"{body}\n    return [0] * len(rows)"), limits=PATIENCE)
    assert report.problem is None
    pid = int(noted.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_bytes_that_are_not_what_was_recorded_are_refused(tmp_path: Path, fitted: FittedModel) -> None:
    served = _kept(tmp_path, fitted, onnx=True)
    assert served.onnx is not None
    (tmp_path / served.onnx[:2] / served.onnx[2:]).write_bytes(b"another model")
    report = probe(served, limits=PATIENCE)
    assert report.problem is not None and "holds other bytes than were recorded" in report.problem


def test_another_interpreter_is_asked_and_one_without_quarterdeck_says_so(tmp_path: Path, fitted: FittedModel) -> None:
    bare = tmp_path / "python"
    bare.write_text(f"#!/bin/sh\nshift 3\nexec {sys.executable} -I -S -c 'import quarterdeck.core' \n")
    bare.chmod(0o700)
    report = probe(_kept(tmp_path / "kept", fitted, onnx=True), limits=PATIENCE, interpreter=str(bare))
    assert report.problem is not None and "No module named 'quarterdeck'" in report.problem


def test_an_interpreter_that_never_begins_is_stopped(tmp_path: Path, fitted: FittedModel) -> None:
    idle = tmp_path / "python"
    idle.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    idle.chmod(0o700)
    limits = Limits(memory_mb=1000, seconds=60, start_seconds=0.5)
    report = probe(_kept(tmp_path / "kept", fitted, onnx=True), limits=limits, interpreter=str(idle))
    assert report.problem == "the target's Python had not loaded its libraries after 0.5 s"


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path, fitted: FittedModel) -> None:
    with pytest.raises(NotFoundError, match="cannot be started"):
        probe(_kept(tmp_path, fitted, onnx=True), limits=PATIENCE, interpreter=str(tmp_path / "no-python"))


def test_one_process_judges_every_gate_on_what_is_served(tmp_path: Path, fitted: FittedModel) -> None:
    served = _kept(tmp_path, fitted, onnx=True)
    gates = [
        GateSpec(metric="target_compatible", memory_mb=1000.0),
        GateSpec(metric="artifact_size_mb", maximum=1.0),
        GateSpec(metric="latency_p50_ms", maximum=0.0),
    ]
    expected = answers_of(fitted, fitted.reference)
    found = judge_serving(gates, served, expected, ArtifactStore(tmp_path))
    assert [result.outcome for result in found] == [Outcome.PASS, Outcome.PASS, Outcome.FAIL]
    assert found[1].statistic == (tmp_path / served.onnx[:2] / served.onnx[2:]).stat().st_size / 1e6
    other = answers_of(fitted, fitted.reference.reverse())
    assert judge_serving(gates[:1], served, other, ArtifactStore(tmp_path))[0].outcome is Outcome.FAIL


def test_a_wrong_path_of_an_interpreter_fails_the_gate_and_not_the_run(tmp_path: Path, fitted: FittedModel) -> None:
    gate = GateSpec(metric="target_compatible", interpreter=str(tmp_path / "no-python"))
    expected = answers_of(fitted, fitted.reference)
    found = judge_serving([gate], _kept(tmp_path, fitted, onnx=True), expected, ArtifactStore(tmp_path))
    assert found[0].outcome is Outcome.FAIL
    assert "no-python" in found[0].reason


def test_a_hang_fails_the_gates_that_ask_it(tmp_path: Path) -> None:
    report = probe(_rules(tmp_path, "while True: pass"), limits=Limits(memory_mb=1000, seconds=0.5))
    for gate in (GateSpec(metric="target_compatible"), GateSpec(metric="latency_p99_ms", maximum=5.0)):
        assert judge_served(gate, size_bytes=1, report=report).outcome is Outcome.FAIL
