"""Clients of other servers, as they are, against ours. They live in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.values import Engine

CLIENTS = Path(sys.prefix) / "clients" / "bin"
PATIENCE_S = 500.0
HERE = Path(__file__).parent / "clients"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[int]:
    assert (CLIENTS / "python").exists(), "run `make .venv/.clients` first; `make test` does"
    lab = make_lab(tmp_path_factory.mktemp("clients") / "lab")
    lab.add_fitted("sort", lab.sorter(), Engine.ONNX)
    lab.promote("sort", 1)
    lab.promote("voyage", lab.add_voyage("voyage"))
    yield lab.start().port
    lab.close()


def run(*command: str | Path, cwd: Path | None = None) -> str:
    home = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=home, cwd=cwd)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    return done.stdout


def test_tritons_client_works_as_it_is(port: int) -> None:
    found = json.loads(run(CLIENTS / "python", HERE / "ask_triton.py", str(port)))
    assert (found["live"], found["ready"], found["models"]) == (True, True, [True, False, False])
    assert found["server"]["name"] == "quarterdeck"
    assert [item["name"] for item in found["metadata"]["inputs"]] == ["a", "b"]
    assert {item["name"]: item["state"] for item in found["index"]} == {"sort": "READY", "voyage": "READY"}
    assert found["binary"]["label"] == [1, 0]
    assert found["binary"]["probabilities"] == [[0.25, 0.75], [0.75, 0.25]]
    assert found["binary"]["response"] == {"model_name": "voyage", "model_version": "1", "id": "seven"}
    assert found["json"].keys() == {"label", "id", "response"}
    assert found["json"]["label"] == [1, 0]
    assert [len(name) for name in found["json"]["id"]] == [36, 36]
    assert found["matrix"]["label"] == found["version"]["label"] == ["high", "low"]
    assert found["refused"] == "422 row 0, field 'speed': the field is missing"
    assert found["unknown"].startswith("404 version '9' of sort is not loaded")


def test_kserves_client_works_as_it_is(port: int) -> None:
    found = json.loads(run(CLIENTS / "python", HERE / "ask_kserve.py", str(port)))
    assert (found["live"], found["ready"], found["models"]) == (True, True, [True, False])
    for kind in ("binary", "json"):
        assert (found[kind]["response_id"], found[kind]["model"]) == ("seven", "sort")
        assert found[kind]["label"] == ["high", "low"]
        assert [len(row) for row in found[kind]["probabilities"]] == [3, 3]
    assert found["label"].keys() == {"response_id", "model", "label"}
    assert "row 0, field 'b': the field is missing" in found["refused"]


@pytest.mark.timeout(PATIENCE_S + 60)
def test_nothing_that_schemathesis_makes_of_the_document_is_answered_otherwise_than_it_says(
    port: int, tmp_path: Path
) -> None:
    """Right and wrong requests of its making: no 5xx, wrong ones refused, answers as the document has them."""
    options = ["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--generation-deterministic"]
    # a tensor's shape, its data and the model's fields hang together in ways that the document cannot say
    skip = ["--exclude-checks", "positive_data_acceptance"]
    address = f"http://127.0.0.1:{port}/openapi.json"
    said = run(CLIENTS / "schemathesis", "run", address, *options, *skip, "--no-color", cwd=tmp_path)
    assert "failure" not in said.rpartition("SUMMARY")[2].lower()
