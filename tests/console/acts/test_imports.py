"""Models from elsewhere become versions: real files of every kind, real rows, a real registry."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
import skops.io
import yaml
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from quarterdeck.console.acts.imports import Imported, Wanted, export_version, import_model
from quarterdeck.console.context import Console
from quarterdeck.core.errors import (
    ConflictError,
    IntegrityError,
    NotAllowedError,
    NotFoundError,
    QuarterdeckError,
    RefusedError,
    UsageError,
)
from quarterdeck.core.settings import read_settings
from quarterdeck.core.values import Engine, ModelKind, Outcome, Task, VersionState
from quarterdeck.store import ledger, registry, rights
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode
from quarterdeck.store.expected import load_expected
from quarterdeck.store.workspace import Workspace

ROWS = 400
MANIFEST = """\
[pipeline]
name = "late"
task = "binary"
target = "late"
entity = "id"

[steps.rows]
uses = "read_table"
with = { source = "data/rows.parquet" }

[[gates]]
metric = "roc_auc_score"
min = 0.7
"""
Import = Callable[..., Imported]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=ROWS), rng.normal(size=ROWS)
    late = (a + 0.5 * b + rng.normal(0, 0.4, ROWS) > 0).astype(int)
    return pl.DataFrame({"id": np.arange(ROWS), "a": a, "b": b, "late": late})


@pytest.fixture(scope="module")
def model(rows: pl.DataFrame) -> LogisticRegression:
    return LogisticRegression().fit(rows.select("a", "b").to_numpy(), rows["late"].to_numpy())


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    root = tmp_path / "workspace"
    (root / "pipelines" / "late").mkdir(parents=True)
    (root / "quarterdeck.toml").write_text('environment = "production"\n')
    (root / "pipelines" / "late" / "pipeline.toml").write_text(MANIFEST)
    workspace = Workspace(root=root)
    workspace.prepare_state()
    with Console(workspace, read_settings(workspace.settings_file), actor="ops") as opened:
        yield opened


@pytest.fixture
def labelled(rows: pl.DataFrame, tmp_path: Path) -> Path:
    rows.write_parquet(tmp_path / "labelled.parquet")
    return tmp_path / "labelled.parquet"


@pytest.fixture
def take(console: Console) -> Import:
    def take(path: Path | str | None, name: str = "late", reason: str = "for the test", **wanted: Any) -> Imported:
        text = None if path is None else str(path)
        done = import_model(console, Wanted(name=name, path=text, **wanted), reason=reason)
        # whatever its kind: a version keeps what is expected of it
        assert load_expected(ArtifactStore(console.workspace.artifacts), done.version).rows
        return done

    return take


def versions(console: Console) -> int:
    with console.database.read() as tx:
        return len(registry.versions(tx))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- ONNX ---


def converted(model: Any, rows: pl.DataFrame, **options: Any) -> bytes:
    sample = rows.select("a", "b").to_numpy().astype(np.float32)[:1]
    return bytes(to_onnx(model, sample, target_opset=18, options=options or None).SerializeToString())


def linear(
    *, end: str | None = "Sigmoid", rows: Any = "rows", columns: bool = False, width: int = 2, external: bool = False
) -> bytes:
    """A graph as a framework for neural networks exports it: a matrix or a column each in, one score out."""
    weights = numpy_helper.from_array(np.array([[4.0], [2.0]][:width] + [[0.1]] * (width - 2), np.float32), "w")
    names = ["a", "b"] if columns else ["x"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [rows, 1 if columns else width]) for n in names]
    nodes = [helper.make_node("Concat", names, ["x"], axis=1)] if columns else []
    nodes.append(helper.make_node("MatMul", ["x", "w"], ["raw" if end else "score"]))
    if end:
        nodes.append(helper.make_node(end, ["raw"], ["score"]))
    output = helper.make_tensor_value_info("score", TensorProto.FLOAT, [rows, 1])
    graph = helper.make_graph(nodes, "net", inputs, [output], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if external:
        onnx.external_data_helper.set_external_data(made.graph.initializer[0], "weights.bin")
        made.graph.initializer[0].data_location = TensorProto.EXTERNAL
        made.graph.initializer[0].ClearField("raw_data")
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_classifier_with_a_label_and_probabilities_is_judged_by_the_gates(
    take: Import, model: Any, rows: pl.DataFrame, labelled: Path, tmp_path: Path, zipmap: bool
) -> None:
    path = write(tmp_path / "m.onnx", converted(model, rows, zipmap=zipmap))
    done = take(path, rows=labelled)
    version = done.version
    assert (version.kind, version.engine, version.state) == (ModelKind.ONNX, Engine.ONNX, VersionState.ACCEPTED)
    assert version.signature.names == ("a", "b") and version.signature.classes == (0, 1)
    assert version.metrics["roc_auc_score"] > 0.9 and version.verdicts[0].outcome is Outcome.PASS
    assert version.origin is not None and version.origin["opset"] == 18 and version.origin["file"] == "m.onnx"
    assert version.profile is not None and version.run_id is None


@pytest.mark.parametrize("columns", [True, False])
def test_a_net_with_a_sigmoid_at_its_end_is_taken_in_both_layouts(
    take: Import, labelled: Path, tmp_path: Path, columns: bool
) -> None:
    version = take(write(tmp_path / "net.onnx", linear(columns=columns)), rows=labelled).version
    assert version.state is VersionState.ACCEPTED


@pytest.mark.slow
def test_a_net_that_gives_a_value_is_a_regression(take: Import, rows: pl.DataFrame, tmp_path: Path) -> None:
    frame = rows.with_columns((4 * pl.col("a") + 2 * pl.col("b")).alias("y")).drop("late", "id")
    frame.write_parquet(tmp_path / "y.parquet")
    path = write(tmp_path / "net.onnx", linear(end=None))
    version = take(path, name="delay", rows=tmp_path / "y.parquet", target="y").version
    assert version.signature.task is Task.REGRESSION
    assert version.metrics["mean_absolute_error"] < 1e-5
    assert version.state is VersionState.CANDIDATE and "no pipeline" in version.verdicts[0].reason


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no model", "no ONNX model"),
        (linear()[:-40], "no ONNX model|not valid|does not load"),
        (linear(external=True), "another file"),
        (linear(end=None), "without a sigmoid|no probabilities"),
        (linear(rows=1), "exactly 1 rows"),
        (linear(width=3), "takes 3 fields, and there are 2"),
    ],
    ids=["no onnx", "cut off", "external data", "logits", "fixed batch", "another width"],
)
def test_an_onnx_file_that_cannot_be_told_or_used_is_refused_and_nothing_is_written(
    console: Console, take: Import, labelled: Path, tmp_path: Path, data: bytes, said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        take(write(tmp_path / "bad.onnx", data), rows=labelled)
    assert versions(console) == 0


def by_column(rows: pl.DataFrame, hour: Any) -> tuple[bytes, pl.DataFrame]:
    """An ONNX model with an input for each column, of several types."""
    carriers = np.where(rows["a"].to_numpy() > 0, "UA", "AA")
    frame = rows.select("late", "b", hour=pl.int_range(pl.len()) % 24, carrier=pl.Series(carriers.tolist()))
    steps = [("numbers", "passthrough", ["b", "hour"]), ("texts", OneHotEncoder(), ["carrier"])]
    fitted = make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=500))
    fitted.fit(frame.drop("late").to_pandas(), frame["late"].to_numpy())
    types = [("carrier", StringTensorType([None, 1])), ("b", FloatTensorType([None, 1])), ("hour", hour)]
    made = convert_sklearn(fitted, initial_types=types, target_opset=18, options={"zipmap": False})
    return bytes(made.SerializeToString()), frame


def test_an_onnx_model_with_an_input_a_column_is_asked_by_name(
    take: Import, rows: pl.DataFrame, tmp_path: Path
) -> None:
    data, frame = by_column(rows, Int64TensorType([None, 1]))
    frame.write_parquet(tmp_path / "rows.parquet")
    version = take(write(tmp_path / "m.onnx", data), rows=tmp_path / "rows.parquet").version
    assert version.state is VersionState.ACCEPTED and set(version.signature.names) == {"b", "hour", "carrier"}
    frame.with_columns(pl.col("hour").replace({3: None})).write_parquet(tmp_path / "holes.parquet")
    with pytest.raises(RefusedError, match="no word for that"):
        take(write(tmp_path / "m.onnx", data), rows=tmp_path / "holes.parquet")
    frame.drop("carrier").write_parquet(tmp_path / "less.parquet")
    with pytest.raises(RefusedError, match="takes 'carrier', which is not there"):
        take(write(tmp_path / "m.onnx", data), rows=tmp_path / "less.parquet")


def test_onnx_without_rows_takes_its_fields_from_a_version_like_it_and_waits_for_judgement(
    take: Import, model: Any, rows: pl.DataFrame, labelled: Path, tmp_path: Path
) -> None:
    take(write(tmp_path / "one.onnx", converted(model, rows, zipmap=False)), rows=labelled)
    version = take(write(tmp_path / "two.onnx", linear()), like="late@1").version
    assert version.number == 2 and version.state is VersionState.CANDIDATE
    assert version.verdicts[0].outcome is Outcome.HOLD and "no labelled rows" in version.verdicts[0].reason
    with pytest.raises(RefusedError, match="--like"):
        take(write(tmp_path / "three.onnx", linear(width=3)))


def test_the_same_bytes_again_are_no_new_version_until_they_are_judged_otherwise(
    console: Console, take: Import, labelled: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "net.onnx", linear())
    first = take(path, rows=labelled)
    again = take(path, rows=labelled)
    assert (first.new, again.new, again.version.number, versions(console)) == (True, False, 1, 1)
    assert take(path, like="late@1").new  # not judged: that is something else


# --- scikit-learn: skops, pickle, MLflow ---


def test_a_skops_file_is_served_by_onnx_where_that_agrees(
    take: Import, model: Any, labelled: Path, tmp_path: Path
) -> None:
    version = take(write(tmp_path / "m.skops", skops.io.dumps(model)), rows=labelled).version
    assert (version.kind, version.engine, version.state) == (ModelKind.SKLEARN, Engine.ONNX, VersionState.ACCEPTED)


def test_types_of_a_skops_file_are_listed_and_trusted_one_by_one(
    console: Console, take: Import, rows: pl.DataFrame, labelled: Path, tmp_path: Path
) -> None:
    forest = KNeighborsClassifier(algorithm="kd_tree").fit(rows.select("a", "b").to_numpy(), rows["late"].to_numpy())
    data = skops.io.dumps(forest)
    foreign = skops.io.get_untrusted_types(data=data)
    assert len(foreign) > 1
    path = write(tmp_path / "m.skops", data)
    with pytest.raises(RefusedError) as caught:
        take(path, rows=labelled)
    assert all(name in str(caught.value) for name in foreign)
    with pytest.raises(RefusedError):
        take(path, rows=labelled, trust=tuple(foreign[1:]))
    with pytest.raises(UsageError):
        take(path, rows=labelled, trust=(*foreign, "os.system"))
    version = take(path, rows=labelled, trust=tuple(foreign)).version
    assert version.origin is not None and version.origin["trusted"] == sorted(foreign)
    with console.database.read() as tx:
        assert ledger.entries(tx, act="register", limit=1)[0].evidence["import"]["trusted"] == sorted(foreign)
    store = ArtifactStore(console.workspace.artifacts)
    assert decode(store.get(version.artifact), store.get).trusted == tuple(sorted(foreign))


CANARY = Path("/tmp") / f"quarterdeck-import-canary-{os.getpid()}"  # noqa: S108  # see test_pickle_audit.py


class Touches:
    def __reduce__(self) -> Any:
        return (os.system, (f"touch {CANARY}",))


def test_a_pickle_is_listed_and_taken_only_where_a_person_signs(
    console: Console, take: Import, model: Any, labelled: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "m.pkl", pickle.dumps(model))
    with pytest.raises(RefusedError, match=r"_logistic\.LogisticRegression"):
        take(path, rows=labelled)
    with pytest.raises(UsageError, match="the person"):
        take(path, rows=labelled, trust=("sklearn.linear_model._logistic.LogisticRegression",))
    version = take(path, rows=labelled, trust=("Ann Lee",)).version
    assert version.origin is not None and version.origin["signed_by"] == "Ann Lee"
    assert "sklearn.linear_model._logistic.LogisticRegression" in version.origin["globals"]
    store = ArtifactStore(console.workspace.artifacts)
    document = json.loads(store.get(version.artifact))["model"]
    assert store.get(document["estimator"]).startswith(b"PK")  # skops: the pickle is not kept
    assert not any(
        path.read_bytes().startswith(b"\x80") for path in console.workspace.artifacts.rglob("*") if path.is_file()
    )
    with console.database.read() as tx:
        assert ledger.entries(tx, act="register", limit=1)[0].evidence["import"]["signed_by"] == "Ann Lee"


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_something_is_refused_whoever_signs(
    console: Console, take: Import, labelled: Path, tmp_path: Path, protocol: int
) -> None:
    path = write(tmp_path / "bad.pkl", pickle.dumps(LogisticRegression(C=Touches()), protocol))  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="system"):
        take(path, rows=labelled, trust=("Ann Lee",))
    assert not CANARY.exists() and versions(console) == 0


@pytest.mark.slow
@pytest.mark.parametrize("held", [{"a": 1}, LogisticRegression, [1, 2]])
def test_a_pickle_of_no_estimator_is_refused(take: Import, labelled: Path, tmp_path: Path, held: Any) -> None:
    with pytest.raises(QuarterdeckError):
        take(write(tmp_path / "m.pkl", pickle.dumps(held)), rows=labelled, trust=("Ann Lee",))


def mlflow_folder(
    folder: Path, flavour: dict[str, Any], files: dict[str, bytes], *, inputs: Any = None, outputs: Any = None
) -> Path:
    """As MLflow lays it out: MLmodel in YAML, with the signature as JSON texts, beside the model's file."""
    folder.mkdir()
    signature = None
    if inputs is not None:
        signature = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}
    document = {
        "artifact_path": "model",
        "flavors": flavour | {"python_function": {"loader_module": "mlflow.sklearn", "env": {"conda": "conda.yaml"}}},
        "mlflow_version": "2.14.1",
        "model_uuid": "7d1f0c0e9f5b4b5e8d0a2a6f6a0b1c2d",
        "run_id": "0123456789abcdef0123456789abcdef",
        "utc_time_created": "2026-01-05 10:00:00.000000",
        **({} if signature is None else {"signature": signature}),
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


INPUTS = [{"type": "double", "name": "a", "required": True}, {"type": "double", "name": "b", "required": False}]
OUTPUTS = [{"type": "long", "name": "late", "required": True}]
SKLEARN = {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle", "sklearn_version": "1.9.1"}}
SKOPS = {"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops", "sklearn_version": "1.9.1"}}
ONNX = {"onnx": {"data": "model.onnx", "onnx_version": "1.17.0", "providers": ["CPUExecutionProvider"], "code": None}}


def test_an_mlflow_folder_with_onnx_names_its_fields(
    take: Import, model: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    files = {"model.onnx": converted(model, rows, zipmap=False)}
    folder = mlflow_folder(tmp_path / "m", ONNX, files, inputs=INPUTS, outputs=OUTPUTS)
    version = take(folder).version
    assert [(field.name, field.nullable) for field in version.signature.fields] == [("a", False), ("b", True)]
    assert version.signature.target == "late" and version.signature.classes == (0, 1)
    assert version.origin is not None and version.origin["flavour"] == "onnx"
    assert version.origin["mlflow_version"] == "2.14.1" and version.state is VersionState.CANDIDATE


def test_an_mlflow_folder_with_skops_is_taken(take: Import, model: Any, labelled: Path, tmp_path: Path) -> None:
    folder = mlflow_folder(
        tmp_path / "m", SKOPS, {"model.skops": skops.io.dumps(model)}, inputs=INPUTS, outputs=OUTPUTS
    )
    assert take(folder, rows=labelled).version.state is VersionState.ACCEPTED


def test_an_mlflow_folder_with_a_pickle_needs_a_signer(take: Import, model: Any, tmp_path: Path) -> None:
    folder = mlflow_folder(tmp_path / "m", SKLEARN, {"model.pkl": pickle.dumps(model)}, inputs=INPUTS, outputs=OUTPUTS)
    with pytest.raises(RefusedError, match="Nothing of it was loaded"):
        take(folder)
    version = take(folder, trust=("Ann Lee",)).version
    assert version.origin is not None and version.origin["signed_by"] == "Ann Lee"


def test_an_mlflow_folder_with_a_harmful_pickle_is_refused(take: Import, tmp_path: Path) -> None:
    folder = mlflow_folder(
        tmp_path / "m", SKLEARN, {"model.pkl": pickle.dumps(Touches())}, inputs=INPUTS, outputs=OUTPUTS
    )
    with pytest.raises(RefusedError, match=r"posix\.system"):
        take(folder, trust=("Ann Lee",))
    assert not CANARY.exists()


@pytest.mark.parametrize(
    ("flavour", "text"),
    [
        ({"keras": {"data": "x"}}, None),
        ({"onnx": {"data": "../outside.onnx"}}, None),
        ({"onnx": {"data": "missing.onnx"}}, None),
        ({"sklearn": {"pickled_model": "m.pkl", "serialization_format": "dill"}}, None),
        ({}, "flavors: [unclosed"),
        ({}, "!!python/object/apply:os.system ['touch x']"),
        ({}, "just text"),
        ({}, "[" * 5000),
    ],
)  # fmt: skip
def test_an_mlmodel_that_cannot_be_followed_is_refused(
    take: Import, tmp_path: Path, flavour: dict[str, Any], text: str | None
) -> None:
    folder = mlflow_folder(tmp_path / "m", flavour, {})
    (tmp_path / "outside.onnx").write_bytes(linear())
    if text is not None:
        (folder / "MLmodel").write_text(text)
    with pytest.raises(RefusedError):
        take(folder)


# --- rules and remote ---

RULES = "def answer(rows):\n    return [1 / (1 + 2.718281828 ** -(4 * row['a'] + 2 * row['b'])) for row in rows]\n"


def test_a_function_becomes_a_version_with_its_text(
    console: Console, take: Import, labelled: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "by_hand.py", RULES.encode())
    version = take(f"{path}:answer", rows=labelled).version
    assert (version.kind, version.engine, version.state) == (ModelKind.RULES, Engine.RULES, VersionState.ACCEPTED)
    assert version.engine_reason == "a rules model answers by itself"
    store = ArtifactStore(console.workspace.artifacts)
    assert decode(store.get(version.artifact), store.get).estimator.source == RULES
    with pytest.raises(UsageError, match=":FUNCTION"):
        take(path, rows=labelled)
    with pytest.raises(QuarterdeckError, match="anser"):
        take(f"{path}:anser", rows=labelled)


def test_rules_that_name_one_of_several_classes_are_measured_by_their_labels(
    take: Import, rows: pl.DataFrame, tmp_path: Path
) -> None:
    level = pl.when(pl.col("a") > 0.5).then(pl.lit("high")).when(pl.col("a") < -0.5).then(pl.lit("low"))
    frame = rows.with_columns(level.otherwise(pl.lit("mid")).alias("level")).drop("late", "id")
    frame.write_parquet(tmp_path / "levels.parquet")
    text = "def f(rows):\n    return ['high' if row['a'] > 0.5 else 'low' for row in rows]\n"
    path = write(tmp_path / "r.py", text.encode())
    version = take(f"{path}:f", name="level", rows=tmp_path / "levels.parquet", target="level").version
    assert version.signature.classes == ("high", "low", "mid") and 0.5 < version.metrics["accuracy_score"] < 1


@pytest.fixture
def address() -> Iterator[str]:
    program = Path(__file__).parents[2] / "scheduler" / "remote_server.py"
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_a_remote_model_becomes_a_version_once_it_has_answered(
    console: Console, take: Import, labelled: Path, tmp_path: Path, address: str
) -> None:
    take(f"{write(tmp_path / 'r.py', RULES.encode())}:answer", rows=labelled)
    version = take(None, remote=f"{address}/ok", like="late@1").version
    assert (version.kind, version.engine) == (ModelKind.REMOTE, Engine.REMOTE)
    judged = take(None, remote=f"{address}/ok?again=1", like="late@1", rows=labelled).version
    assert judged.state is VersionState.REJECTED and judged.metrics["roc_auc_score"] == pytest.approx(0.5)
    settings = f'url = "{address}/ok"\nretries = 1\n[breaker]\nfailures = 2\n'
    assert take(write(tmp_path / "remote.toml", settings.encode()), like="late@1").new
    for path in ("no_probability", "redirects"):
        with pytest.raises(QuarterdeckError):
            take(None, remote=f"{address}/{path}", like="late@1")
    assert versions(console) == 4


# --- out and in again ---


def test_a_version_goes_out_as_a_folder_and_comes_in_elsewhere(
    console: Console, take: Import, model: Any, labelled: Path, tmp_path: Path
) -> None:
    take(write(tmp_path / "m.skops", skops.io.dumps(model)), rows=labelled)
    out = tmp_path / "late-1"
    files = export_version(console, "late@1", out)
    assert set(files) >= {"model.skops", "model.onnx", "version.json", "SHA256SUMS", "card.md", "reference.parquet"}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, check=True)
    about = json.loads((out / "version.json").read_text())
    assert about["version"]["metrics"]["roc_auc_score"] > 0.9
    assert [entry["act"] for entry in about["ledger"]] == ["register"]
    with pytest.raises(ConflictError, match="nothing is overwritten"):
        export_version(console, "late@1", out)
    version = take(out, name="elsewhere").version
    assert version.origin is not None and version.origin["version"] == "late@1"
    assert (
        version.state is VersionState.CANDIDATE and version.metrics == {}
    )  # what was said there is not taken on trust
    assert version.origin["elsewhere"]["metrics"]["roc_auc_score"] > 0.9
    assert take(out, name="late", rows=labelled).version.state is VersionState.ACCEPTED
    again = take(out, name="late")
    assert (again.new, again.version.state) == (False, VersionState.ACCEPTED)
    with console.database.read() as tx:
        assert [version.number for version in registry.versions(tx, model="late")] == [1]


@pytest.mark.parametrize("name", ["model.skops", "version.json", "model.json", "SHA256SUMS"])
def test_a_folder_with_other_bytes_is_refused(
    console: Console, take: Import, model: Any, labelled: Path, tmp_path: Path, name: str
) -> None:
    take(write(tmp_path / "m.skops", skops.io.dumps(model)), rows=labelled)
    out = tmp_path / "out"
    export_version(console, "late@1", out)
    data = bytearray((out / name).read_bytes())
    data[len(data) // 2] ^= 1
    (out / name).write_bytes(data)
    with pytest.raises(IntegrityError):
        take(out, name="elsewhere")
    assert versions(console) == 1


def test_rules_in_a_folder_are_run_only_where_a_person_signs(
    console: Console, take: Import, labelled: Path, tmp_path: Path
) -> None:
    take(f"{write(tmp_path / 'r.py', RULES.encode())}:answer", rows=labelled)
    out = tmp_path / "out"
    assert "rules.py" in export_version(console, "late@1", out)
    with pytest.raises(RefusedError, match=r"rules\.py"):
        take(out, name="elsewhere")
    version = take(out, name="elsewhere", trust=("Ann Lee",)).version
    assert version.kind is ModelKind.RULES and version.origin is not None and version.origin["signed_by"] == "Ann Lee"


# --- in general ---


def test_who_may_not_operate_may_not_import_and_nothing_is_read(console: Console, take: Import, tmp_path: Path) -> None:
    with console.database.write() as tx:
        rights.ensure_first(tx, "somebody else", pl.datetime_range(pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 1),
                            eager=True, time_zone="UTC")[0])  # fmt: skip
    with pytest.raises(NotAllowedError):
        take(tmp_path / "not there.onnx")
    with console.database.read() as tx:
        assert ledger.entries(tx, limit=1)[0].act == "refused"


def test_a_path_that_is_not_there_or_no_file_is_told(take: Import, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    for path, error in (("nothing.onnx", NotFoundError), ("pipe.onnx", RefusedError)):
        with pytest.raises(error):
            take(tmp_path / path, task=Task.BINARY)
    with pytest.raises(UsageError, match="cannot be told"):
        take(write(tmp_path / "m.h5", b"\x89HDF"))
    with pytest.raises(UsageError, match="either"):
        take(None)


@pytest.mark.slow
def test_a_model_of_another_task_or_target_than_the_pipeline_is_refused(
    take: Import, rows: pl.DataFrame, labelled: Path, tmp_path: Path
) -> None:
    forest = RandomForestRegressor(n_estimators=2).fit(rows.select("a", "b").to_numpy(), rows["a"].to_numpy())
    path = write(tmp_path / "m.skops", skops.io.dumps(forest))
    with pytest.raises(RefusedError, match="is a regression, and the task is binary"):
        take(path, rows=labelled)
    with pytest.raises(UsageError, match="predicts 'late'"):
        take(path, rows=labelled, target="a")
    rows.drop("id").write_parquet(labelled)
    version = take(path, name="level", rows=labelled, target="a").version
    assert version.signature.task is Task.REGRESSION and version.signature.names == ("b", "late")


def test_what_is_wrong_with_a_file_is_said_of_the_file(take: Import, labelled: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("def answer(rows):\n    return [0.5 for _ in rows]\n")
    with pytest.raises(RefusedError, match="no function `answr`") as caught:
        take(f"{rules}:answr", rows=labelled)
    assert "did you mean `answer`?" in str(caught.value) and "row" not in (caught.value.hint or "")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RefusedError, match="no model's folder") as caught:
        take(tmp_path / "folder", rows=labelled)
    assert "MLmodel" in str(caught.value) and "version.json" in str(caught.value)
