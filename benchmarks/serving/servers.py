"""Each server of the comparison: how its environment is made, how it is started, and what a request to it is."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = HERE.parent.parent / ".peers"
PORT = 18_780

Row = dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A server that is starting."""

    process: subprocess.Popen[bytes]
    url: str
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """`start(model, row, folder, core)` gives the process, on one core."""

    name: str
    start: Callable[[str, Row, Path, int], Started]


def python_of(peer: str, listed: Path = HERE) -> Path:
    """The Python of a peer, with the packages that a file in `listed` names; made at the first run."""
    folder = PEERS / peer
    done = folder / ".done"
    wanted = (listed / f"peer_{peer}.txt").read_text()
    if not done.exists() or done.read_text() != wanted:
        print(f"making .peers/{peer}: this takes a minute or two", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        python = folder / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", listed / f"peer_{peer}.txt"], check=True)
        done.write_text(wanted)
    return folder / "bin" / "python"


def spawn(command: list[Any], core: int, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """On one core, with one thread for arithmetic: what a server beside its load has on two cores."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HERE, start_new_session=True,
            env={**os.environ, **threads, **environment, "PATH": path},
        )  # fmt: skip


def _mlflow(form: str) -> Callable[[str, Row, Path, int], Started]:
    def start(model: str, row: Row, folder: Path, core: int) -> Started:
        python = python_of("mlflow")
        saved = folder / "model"
        subprocess.run([python, HERE / "mlflow_model.py", model, saved, form], check=True, cwd=HERE)
        command = [python.parent / "mlflow", "models", "serve", "-m", saved, "-p", PORT, "--env-manager", "local"]
        body = {"inputs": [list(row.values())]} if form == "tensor" else {"dataframe_records": [row]}
        return Started(
            process=spawn(command, core, folder), url=f"http://127.0.0.1:{PORT}/invocations", body=body, headers={}
        )

    return start


def _mlserver(model: str, row: Row, folder: Path, core: int) -> Started:
    python = python_of("mlserver")
    place = folder / "model"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, HERE / "mlserver_model.py", model, place, str(PORT)], check=True, cwd=HERE)
    tensor = {"name": "predict", "shape": [1, len(row)], "datatype": "FP64", "data": list(row.values())}
    outputs = [{"name": "predict_proba"}]
    return Started(
        process=spawn([python.parent / "mlserver", "start", place], core, folder),
        url=f"http://127.0.0.1:{PORT}/v2/models/{model}/infer",
        body={"inputs": [tensor], "outputs": outputs},
        headers={},
    )


def _bentoml(model: str, row: Row, folder: Path, core: int) -> Started:
    python = python_of("bentoml")
    command = [
        python.parent / "bentoml", "serve", "bentoml_service:Service", "--port", PORT, "--host", "127.0.0.1",
    ]  # fmt: skip
    environment = {"BENCH_MODEL": model, "BENTOML_HOME": str(folder / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    process = spawn(command, core, folder, **environment)
    return Started(
        process=process, url=f"http://127.0.0.1:{PORT}/predict", body={"rows": [list(row.values())]}, headers={}
    )


def _fastapi(model: str, row: Row, folder: Path, core: int) -> Started:
    python = python_of("fastapi")
    command = [python, "-m", "uvicorn", "fastapi_app:app", "--port", PORT, "--log-level", "warning"]
    process = spawn(command, core, folder, BENCH_MODEL=model)
    return Started(
        process=process, url=f"http://127.0.0.1:{PORT}/predict", body={"rows": [list(row.values())]}, headers={}
    )


def _constant(model: str, row: Row, folder: Path, core: int) -> Started:
    process = spawn([sys.executable, HERE / "constant.py", PORT], core, folder)
    return Started(process=process, url=f"http://127.0.0.1:{PORT}/predict/{model}", body=row, headers={})


def _granian(model: str, row: Row, folder: Path, core: int) -> Started:
    process = spawn([python_of("granian"), HERE / "granian_constant.py", PORT], core, folder)
    return Started(process=process, url=f"http://127.0.0.1:{PORT}/predict/{model}", body=row, headers={})


CONSTANT = ("constant answer", "granian, constant answer")  # they know no model
PEER_SERVERS = (
    Server(name="MLflow, tensor", start=_mlflow("tensor")),
    Server(name="MLflow, named columns", start=_mlflow("columns")),
    Server(name="MLServer", start=_mlserver),
    Server(name="BentoML, batching", start=_bentoml),
    Server(name="FastAPI", start=_fastapi),
    Server(name=CONSTANT[0], start=_constant),
    Server(name=CONSTANT[1], start=_granian),
)


def ours(workspace: Path, model: str, row: Row, folder: Path, core: int) -> Started:
    """Quarterdeck's server on a workspace whose models have champions."""
    command = [
        sys.executable, "-m", "quarterdeck.scheduler.serving", "--workspace", workspace, "--port", PORT,
    ]  # fmt: skip
    process = spawn(command, core, folder)
    return Started(process=process, url=f"http://127.0.0.1:{PORT}/predict/{model}", body=row, headers={})
