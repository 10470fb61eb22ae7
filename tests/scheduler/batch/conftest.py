"""The serving tests' workspaces with real models in them, and a batch prediction in this process."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.scheduler.batch.run import work
from quarterdeck.scheduler.helping import Desk
from quarterdeck.store import registry

_SERVING = Path(__file__).parents[1] / "serving" / "conftest.py"


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("serving_lab", _SERVING)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["serving_lab"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Any]:
    """Versions 1 (y = a + b) and 2 (y = 2 a + b) of `line`; the first is champion."""
    serving = _load()
    lab = serving.Lab(tmp_path / "lab")
    lab.add_onnx("line", lab.line_model(1.0))
    lab.add_onnx("line", lab.line_model(2.0))
    lab.promote("line", 1)
    yield lab
    lab.close()


@pytest.fixture
def predict(lab: Any) -> Callable[..., dict[str, Any]]:
    """Answer a file as the helper process does; what it told at its end."""

    def run(
        source: Path, target: Path, *, model: str = "line", number: int = 1, on_error: str = "stop", log: bool = True
    ) -> dict[str, Any]:
        with lab.database.read() as tx:
            version = registry.get(tx, model, number)
        order = {
            "source": str(source), "target": str(target), "artifacts": str(lab.workspace.artifacts),
            "traffic": str(lab.workspace.traffic_database) if log else None, "model": model, "version": number,
            "artifact": version.artifact, "onnx": version.onnx, "engine": version.engine.value,
            "signature": version.signature.to_json(), "on_error": on_error, "restart": False,
        }  # fmt: skip
        return dict(work(order, Desk(io.StringIO())))

    return run
