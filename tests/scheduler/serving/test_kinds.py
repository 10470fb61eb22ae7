"""Rules and remote models are served as any other: routed, batched, logged, rolled back, and held off the loop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import engine_of, kind_of
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.rules import RulesModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Task, VersionState
from quarterdeck.store import registry, steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import put_value

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNATURE = Signature(
    fields=(Field(name="a", kind=FieldKind.NUMBER), Field(name="b", kind=FieldKind.NUMBER, nullable=True)),
    task=Task.BINARY,
    target="late",
    classes=(0, 1),
)
SOURCE = """\
import threading
def answer(rows):
    if any(row["a"] == 13 for row in rows):
        raise ValueError("thirteen")
    if any(row["a"] == 99 for row in rows):
        threading.Event().wait(1.0)
    return [1.0 if row["a"] > 0 else 0.25 for row in rows]
"""
RULES = RulesModel(source=SOURCE, function="answer", gives=Gives.PROBABILITIES)


def add(lab: Any, estimator: Any, model: str = "late") -> int:
    """Register an accepted version of a kind that answers by itself; its number."""
    fitted = FittedModel(
        estimator=estimator, signature=SIGNATURE, trained_from=None, trained_to=None, rows=0,
        reference=pl.DataFrame(schema={"a": pl.Float64, "b": pl.Float64}),
    )  # fmt: skip
    kept = put_value(lab.artifacts, fitted, step="test")
    kind = kind_of(estimator)
    draft = Version(
        model=model, number=0, state=VersionState.ACCEPTED, run_id=None, created=NOW, artifact=kept.sha256, onnx=None,
        engine=engine_of(kind, converted=False), engine_reason="a test", max_difference=None, signature=SIGNATURE,
        metrics={}, verdicts=(), profile=None, trained_from=None, trained_to=None, rows=0, size_bytes=1, kind=kind,
    )  # fmt: skip
    with lab.database.write() as tx:
        for part in kept.parts():
            steps.record_artifact(tx, part.sha256, kind=part.kind, size=len(part.data), now=NOW)
        audit = Audit(actor="ops", environment="production", at=NOW, reason="a test")
        return registry.register(tx, draft, audit).number


@pytest.fixture
def address() -> Iterator[str]:
    program = Path(__file__).parents[1] / "remote_server.py"
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_rules_answer_and_are_logged(lab: Any) -> None:
    lab.promote("late", add(lab, RULES))
    server = lab.start()
    found = server.predict("late", [{"a": 2, "b": None}, {"a": -1.0, "b": 3}]).json()["predictions"]
    assert [(item["label"], item["probability"]) for item in found] == [(1, 1.0), (0, 0.75)]
    lab.wait_until(lambda: len(lab.logged()) == 2)


def test_a_row_that_the_rules_refuse_fails_alone_and_is_named(lab: Any) -> None:
    lab.promote("late", add(lab, RULES))
    server = lab.start()
    refused = server.predict("late", [{"a": 1, "b": 1}, {"a": 13, "b": 1}])
    assert refused.status_code >= 400 and "thirteen" in refused.text
    assert server.predict("late", {"a": 1, "b": 1}).status_code == 200


def test_slow_rules_do_not_hold_up_the_loop(lab: Any) -> None:
    lab.promote("late", add(lab, RULES))
    lab.promote("line", lab.add_onnx("line", lab.line_model(2.0)))
    server = lab.start()
    code = (
        "import sys, httpx; "
        "print(httpx.post(sys.argv[1] + '/predict/late', json={'a': 99, 'b': 1}, timeout=60).status_code)"
    )
    waiting = subprocess.Popen(
        [sys.executable, "-c", code, f"http://127.0.0.1:{server.port}"], stdout=subprocess.PIPE, text=True
    )
    while waiting.poll() is None:  # at any time while the rules sleep, others are answered
        assert server.predict("line", {"a": 1.0, "b": 1.0}).status_code == 200
    assert waiting.communicate()[0].strip() == "200"


def test_a_remote_model_answers_and_one_that_fails_is_an_error_and_no_crash(lab: Any, address: str) -> None:
    lab.promote("late", add(lab, RemoteModel(url=f"{address}/ok", gives=Gives.PROBABILITIES)))
    server = lab.start()
    assert server.predict("late", {"a": 2, "b": 1}).json()["predictions"][0]["probability"] == 0.75
    missing = server.predict("late", {"a": 2, "b": None})
    assert missing.status_code >= 400 and "missing value" in missing.text
    bad = add(lab, RemoteModel(url=f"{address}/no_probability", gives=Gives.PROBABILITIES))
    lab.promote("late", bad)  # it cannot answer a row when it is loaded: the old one goes on
    lab.wait_until(lambda: any(f"late@{bad}" in problem for problem in server.problems()))
    assert server.predict("late", {"a": 2, "b": 1}).json()["version"] == 1
    lab.rollback("late")
    assert server.predict("late", {"a": 2, "b": 1}).json()["version"] == 1


def test_one_model_changes_its_kind_from_version_to_version(lab: Any, address: str) -> None:
    first = add(lab, RULES)
    lab.promote("late", first)
    server = lab.start()
    second = add(lab, RemoteModel(url=f"{address}/ok", gives=Gives.PROBABILITIES))
    lab.challenge("late", second)
    row = {"a": 2, "b": 1}

    def shadowed() -> bool:
        server.predict("late", row)
        return bool(lab.logged("arm = 'shadow'"))

    lab.wait_until(shadowed)
    lab.promote("late", second)
    lab.wait_until(lambda: server.predict("late", row).json()["version"] == second)
    lab.rollback("late")
    lab.wait_until(lambda: server.predict("late", row).json()["version"] == first)


@pytest.mark.parametrize("kind", ["rules", "remote"])
def test_the_server_loads_only_what_the_kind_needs(kind: str, address: str, tmp_path: Path) -> None:
    code = f"""
import sys
from quarterdeck.scheduler.serving.live import load
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.plans import PlannedVersion
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Engine
import json
artifacts = ArtifactStore({str(tmp_path)!r})
signature = Signature.from_json(json.loads(sys.argv[1]))
what = dict(model="m", number=1, artifact=sys.argv[2], onnx=None, engine=Engine("{kind}"), signature=signature)
load(PlannedVersion(**what), artifacts)
print(*sorted({{"sklearn", "polars", "onnxruntime", "httpx", "sqlmodel"}} & set(sys.modules)))
"""
    estimator = RULES if kind == "rules" else RemoteModel(url=f"{address}/ok", gives=Gives.PROBABILITIES)
    fitted = FittedModel(
        estimator=estimator, signature=SIGNATURE, trained_from=None, trained_to=None, rows=0,
        reference=pl.DataFrame(schema={"a": pl.Float64, "b": pl.Float64}),
    )  # fmt: skip
    kept = put_value(ArtifactStore(tmp_path), fitted, step="test")
    command = [sys.executable, "-c", code, json.dumps(SIGNATURE.to_json()), kept.sha256]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == (["httpx"] if kind == "remote" else [])
