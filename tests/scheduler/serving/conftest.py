"""Workspaces with real models in them, and the real server process on them."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sqlalchemy import text

from quarterdeck.core.clients import Rates
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.rules import RulesModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.operations import Service
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Engine, ServiceKind, Task, VersionState
from quarterdeck.store import promotion, registry, services, steps, tokens
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import encode, put_value
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.workspace import Workspace

T = TypeVar("T")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AUDIT = Audit(actor="ops", environment="production", at=NOW, reason="a test")
PATIENCE_S = 30.0
TABLE = 10  # rows of the table model's table

LINE = Signature(
    fields=(
        Field(name="a", kind=FieldKind.NUMBER, minimum=0.0, maximum=9.0),
        Field(name="b", kind=FieldKind.NUMBER, nullable=True, minimum=0.0, maximum=9.0),
    ),
    task=Task.REGRESSION,
    target="y",
    entity="ship",
    time="sailed",
)
SORT = Signature(
    fields=(
        Field(name="a", kind=FieldKind.NUMBER, minimum=-3.0, maximum=3.0),
        Field(name="b", kind=FieldKind.NUMBER, minimum=-3.0, maximum=3.0),
    ),
    task=Task.MULTICLASS,
    target="kind",
    classes=("high", "low", "mid"),
)
# Every kind of field, and what may come along.
VOYAGE = Signature(
    fields=(
        Field(name="speed", kind=FieldKind.NUMBER, minimum=0.0, maximum=40.0),
        Field(name="load", kind=FieldKind.NUMBER, nullable=True, minimum=0.0, maximum=1.0),
        Field(name="deck", kind=FieldKind.INTEGER, minimum=0.0, maximum=9.0),
        Field(name="port", kind=FieldKind.STRING, categories=("bergen", "oslo", "riga")),
        Field(name="note", kind=FieldKind.STRING, nullable=True),
        Field(name="heavy", kind=FieldKind.BOOLEAN),
    ),
    task=Task.BINARY,
    target="late",
    entity="ship",
    time="sailed",
    classes=(0, 1),
)
VOYAGE_RULES = "def answer(rows):\n    return [0.75 if row['heavy'] else 0.25 for row in rows]\n"


def wait_until(look: Callable[[], T], *, seconds: float = PATIENCE_S) -> T:
    """The first true thing that `look` gives; fails after the deadline with the last one."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s; the last look gave {found!r}"
        time.sleep(0.01)


def line_model(slope: float) -> bytes:
    """y = slope * a + b, as ONNX."""
    weights = numpy_helper.from_array(np.array([[slope], [1.0]]), "weights")
    return _graph([helper.make_node("MatMul", ["numbers", "weights"], ["y"])], [weights])


def table_model() -> bytes:
    """y = 100 + the whole part of a, and an error of the runtime where that is beyond the table."""
    table = numpy_helper.from_array(np.arange(100.0, 100.0 + TABLE), "table")
    first = numpy_helper.from_array(np.array([0], dtype=np.int64), "first")
    nodes = [
        helper.make_node("Gather", ["numbers", "first"], ["column"], axis=1),
        helper.make_node("Cast", ["column"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "place"], ["y"], axis=0),
    ]
    return _graph(nodes, [table, first])


def short_model() -> bytes:
    """y = 2 a + b of the first row alone, however many were asked for."""
    weights = numpy_helper.from_array(np.array([[2.0], [1.0]]), "weights")
    first = numpy_helper.from_array(np.array([0], dtype=np.int64), "first")
    nodes = [
        helper.make_node("Gather", ["numbers", "first"], ["row"], axis=0),
        helper.make_node("MatMul", ["row", "weights"], ["y"]),
    ]
    return _graph(nodes, [weights, first])


def slow_model() -> bytes:
    """y = 2 a + b, quickly where a is at most 9; beyond, it takes a million rounds for each more."""
    weights = numpy_helper.from_array(np.array([[2.0], [1.0]]), "weights")
    constants = {"column": np.array([0]), "free": np.array(9.0), "each": np.array(1e6), "go": np.array(True)}
    one = helper.make_tensor("one", TensorProto.DOUBLE, [], [1.0])
    spin = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["go_out"]),
            helper.make_node("Constant", [], ["one"], value=one),
            helper.make_node("Add", ["turns_in", "one"], ["turns_out"]),
        ],
        "spin",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("turns_in", TensorProto.DOUBLE, []),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("turns_out", TensorProto.DOUBLE, []),
        ],
    )
    nodes = [
        helper.make_node("MatMul", ["numbers", "weights"], ["exact"]),
        helper.make_node("Gather", ["numbers", "column"], ["a"], axis=1),
        helper.make_node("ReduceMax", ["a"], ["greatest"], keepdims=0),
        helper.make_node("Sub", ["greatest", "free"], ["beyond"]),
        helper.make_node("Mul", ["beyond", "each"], ["rounds"]),
        helper.make_node("Cast", ["rounds"], ["trips"], to=TensorProto.INT64),
        helper.make_node("Loop", ["trips", "go", "free"], ["turns"], body=spin),
        helper.make_node("Sub", ["turns", "turns"], ["nothing"]),
        helper.make_node("Add", ["exact", "nothing"], ["y"]),
    ]
    return _graph(nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()] + [weights])


def column_model() -> bytes:
    """y = 10 times its one field."""
    weights = numpy_helper.from_array(np.array([[10.0]]), "weights")
    return _graph([helper.make_node("MatMul", ["numbers", "weights"], ["y"])], [weights], columns=1)


def _graph(nodes: list[Any], constants: list[Any], columns: int = 2) -> bytes:
    rows = helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, columns])
    answer = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])
    graph = helper.make_graph(nodes, "model", [rows], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


@cache
def sorter() -> FittedModel:
    """A classifier of three classes."""
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(generator.normal(size=(300, 2)), schema=["a", "b"])
    total = frame["a"] + frame["b"]
    kinds = np.where(total > 1, "high", np.where(total < -1, "low", "mid"))
    return FittedModel(
        estimator=LogisticRegression().fit(frame, kinds),
        signature=SORT,
        reference=frame.head(50),
        trained_from=None,
        trained_to=None,
        rows=300,
    )


class Lab:
    """A workspace whose registry the test writes, and the server that reads it."""

    wait_until = staticmethod(wait_until)
    line_model = staticmethod(line_model)
    table_model = staticmethod(table_model)
    short_model = staticmethod(short_model)
    slow_model = staticmethod(slow_model)
    column_model = staticmethod(column_model)
    sorter = staticmethod(sorter)

    def __init__(self, root: Path, processes: int = 1) -> None:
        root.mkdir()
        self._processes = processes
        self.workspace = Workspace(root=root)
        self.configure("")
        self.workspace.prepare_state()
        self.database = Database.sqlite(self.workspace.database)
        migrate(self.database, backup_to=None, now=NOW)
        self.traffic = open_traffic(self.workspace.traffic_database)
        self.artifacts = ArtifactStore(self.workspace.artifacts)
        self.log = root / "server.log"
        self._servers: list[Server] = []

    def add_onnx(self, model: str, data: bytes, signature: Signature = LINE) -> int:
        """Register an accepted version that ONNX Runtime answers; its number."""
        sha256 = self._keep(data)
        return self._register(model, signature, artifact=sha256, onnx=sha256, engine=Engine.ONNX)

    def add_fitted(self, model: str, fitted: FittedModel, engine: Engine) -> int:
        """Register an accepted version of a scikit-learn model, converted or as it is; its number."""
        whole = encode(fitted, step="model")
        for part in whole.parts():
            self._keep(part.data)
        converted = to_onnx(fitted).onnx
        assert converted is not None
        sha256 = self._keep(converted)
        return self._register(model, fitted.signature, artifact=whole.sha256, onnx=sha256, engine=engine)

    def add_voyage(self, model: str) -> int:
        """Register accepted rules that take every kind of field: late with 0.75 if `heavy`; the version's number."""
        rules = RulesModel(source=VOYAGE_RULES, function="answer", gives=Gives.PROBABILITIES)
        fitted = FittedModel(
            estimator=rules, signature=VOYAGE, trained_from=None, trained_to=None, rows=0,
            reference=pl.DataFrame(schema=dict.fromkeys(VOYAGE.names, pl.String)),
        )  # fmt: skip
        kept = put_value(self.artifacts, fitted, step="test")
        for part in kept.parts():
            self._keep(part.data)
        return self._register(model, VOYAGE, artifact=kept.sha256, onnx=None, engine=Engine.RULES)

    def _keep(self, data: bytes) -> str:
        artifact = self.artifacts.put(data)
        with self.database.write() as tx:
            steps.record_artifact(tx, artifact.sha256, kind="model", size=artifact.size, now=NOW)
        return artifact.sha256

    def _register(self, model: str, signature: Signature, *, artifact: str, onnx: str | None, engine: Engine) -> int:
        version = Version(
            model=model, number=0, state=VersionState.ACCEPTED, run_id=None, created=NOW, artifact=artifact,
            onnx=onnx, engine=engine, engine_reason="a test", max_difference=None, signature=signature,
            metrics={}, verdicts=(), profile=None, trained_from=None, trained_to=None, rows=1, size_bytes=1,
        )  # fmt: skip
        with self.database.write() as tx:
            return registry.register(tx, version, AUDIT).number

    def promote(self, model: str, number: int) -> None:
        with self.database.write() as tx:
            champion = registry.aliases(tx, model, "production").get(Alias.CHAMPION)
            promotion.promote(tx, model, number, AUDIT, saw_champion=champion)

    def rollback(self, model: str) -> None:
        with self.database.write() as tx:
            champion = registry.aliases(tx, model, "production").get(Alias.CHAMPION)
            promotion.rollback(tx, model, AUDIT, saw_champion=champion)

    def challenge(self, model: str, number: int) -> None:
        with self.database.write() as tx:
            promotion.challenge(tx, model, number, AUDIT)

    def split(self, model: str, number: int, weight: float, *, shadow: bool = True) -> None:
        with self.database.write() as tx:
            promotion.split(tx, model, AUDIT, version=number, weight=weight, shadow=shadow)

    def configure(self, server: str) -> None:
        """Lines of [server] in quarterdeck.toml, for the server that is started next."""
        own = "" if "processes" in server else f"processes = {self._processes}\n"
        self.workspace.settings_file.write_text(f'environment = "production"\n[server]\n{own}{server}\n')

    def make_token(self, name: str, *endpoints: str, days: float = 1, rates: Rates | None = None) -> str:
        """A client's token; its secret. It was made `days` before it ends, which may be now."""
        until = utc_now() + timedelta(days=days)
        with self.database.write() as tx:
            return tokens.create(
                tx, name, AUDIT, expires_at=until, environment="production", endpoints=endpoints, rates=rates
            )

    def start(self, *, verify: ssl.SSLContext | bool = True) -> Server:
        """The server process, ready."""
        server = Server(self, verify)
        self._servers.append(server)
        server.wait_until_ready()
        return server

    def service(self) -> Service | None:
        with self.database.read() as tx:
            return services.find(tx, ServiceKind.SERVER)

    def logged(self, where: str = "1 = 1") -> list[Any]:
        """Rows of the prediction log, in order."""
        with self.traffic.read() as tx:
            return list(tx.execute(text(f"SELECT * FROM prediction WHERE {where} ORDER BY seq")))  # noqa: S608

    def failures(self) -> dict[tuple[int, str, str], int]:
        """(version, arm, kind) -> answers that were not given."""
        query = "SELECT version, arm, kind, SUM(count) FROM failure GROUP BY version, arm, kind"
        with self.traffic.read() as tx:
            return {(version, arm, kind): count for version, arm, kind, count in tx.execute(text(query))}

    def labels(self) -> dict[str, Any]:
        with self.traffic.read() as tx:
            return {row.id: json.loads(row.label) for row in tx.execute(text("SELECT * FROM label"))}

    def close(self) -> None:
        for server in self._servers:
            server.kill()
        self.database.close()
        self.traffic.close()


class Server:
    """`python -m quarterdeck.scheduler.serving` on a lab's workspace, at a free port."""

    def __init__(self, lab: Lab, verify: ssl.SSLContext | bool = True) -> None:
        self._lab = lab
        command = [sys.executable, "-m", "quarterdeck.scheduler.serving", "--port", "0"]
        with lab.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--workspace", str(lab.workspace.root)], stdout=output, stderr=output
            )
        self.verify = verify
        self.client = httpx.Client(timeout=PATIENCE_S, verify=verify)

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self._lab.log.read_text()
            service = self._lab.service()
            if service is None or service.pid != self.process.pid:
                return False
            self.client.base_url = httpx.URL(service.address or "")
            return self.client.get("/readyz").status_code == 200

        wait_until(ready)

    @property
    def port(self) -> int:
        port = self.client.base_url.port
        assert port is not None
        return port

    def predict(self, endpoint: str, body: Any) -> httpx.Response:
        return self.client.post(f"/predict/{endpoint}", json=body)

    def version_of(self, endpoint: str) -> int:
        response = self.predict(endpoint, {"a": 1.0, "b": 1.0})
        assert response.status_code == 200, response.text
        version: int = response.json()["version"]
        return version

    def endpoint(self, name: str) -> dict[str, Any]:
        """What the index page says about it."""
        found: dict[str, Any] = self.client.get("/").json()["endpoints"][name]
        return found

    def problems(self) -> list[str]:
        found: list[str] = self.client.get("/readyz").json()["problems"]
        return found

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def make_lab() -> Callable[[Path], Lab]:
    """For tests that share one workspace and server; they close it."""
    return Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab")
    yield lab
    lab.close()


@pytest.fixture
def line_lab(lab: Lab) -> Lab:
    """Two versions of `line`, y = a + b and y = 2 a + b; the first is champion."""
    lab.add_onnx("line", line_model(1.0))
    lab.add_onnx("line", line_model(2.0))
    lab.promote("line", 1)
    return lab
