"""The layers hold at run time too: what a process of each layer loads, whatever is imported in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TERMINAL = {"textual", "typer"}  # rich comes with httpx and others, whoever asks for those
SCHEDULING = {"apscheduler"}
WEB = {"httptools", "httpx"}
LEARNING = {"numpy", "pandas", "polars", "scipy", "sklearn", "onnx", "onnxruntime", "skl2onnx", "skops"}

LOAD = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def modules(folder: str) -> list[str]:
    """Every module of a folder, without the programs (`__main__`) and the migrations, which Alembic loads."""
    found = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if "__pycache__" in parts or parts[-1] == "__main__" or "migrations" in parts:
            continue
        found.append(".".join(["quarterdeck", *(parts[:-1] if parts[-1] == "__init__" else parts)]))
    return found


def loaded(names: list[str]) -> set[str]:
    """The top-level modules in a fresh process that has imported all of these."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *names], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("core", TERMINAL | SCHEDULING | WEB | {"sqlalchemy", "sqlmodel", "alembic"}),
        ("store", TERMINAL | SCHEDULING | WEB),
        ("scheduler", TERMINAL),
    ],
)
def test_a_layer_loads_nothing_that_belongs_to_another(folder: str, forbidden: set[str]) -> None:
    assert not loaded(modules(folder)) & forbidden


def test_the_console_loads_no_machine_learning_library() -> None:
    demo = [name for name in modules("console") if name.startswith("quarterdeck.console.demo.")]
    screens = [name for name in modules("console") if name not in demo]
    assert "quarterdeck.console.cli.app" in screens
    assert not loaded(screens) & (LEARNING | SCHEDULING | {"httptools"})


def test_no_module_is_loaded_under_a_bare_name() -> None:
    found = loaded([*modules("core"), *modules("store")])
    assert not found & {"console", "core", "scheduler", "store"}
