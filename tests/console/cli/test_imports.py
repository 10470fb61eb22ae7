"""What a command loads: its own noun, and never the machine-learning libraries or the screens."""

from __future__ import annotations

import json
import subprocess
import sys

from quarterdeck.console.cli.app import COMMANDS

LEARNING = {"numpy", "polars", "pandas", "scipy", "sklearn", "onnxruntime", "onnx", "skl2onnx", "skops"}
HEAVY = LEARNING | {"apscheduler", "httptools", "textual"}
LIST = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def loaded(program: str, *arguments: str, cwd=None) -> set[str]:
    """The modules in a fresh process after the program; its own output is not looked at."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{LIST}", *arguments],
        cwd=cwd, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_is_answered_before_any_library_is_loaded() -> None:
    program = (
        "import sys\nsys.argv = ['quarterdeck', '--version']\n"
        "from quarterdeck.console.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0"
    )
    found = loaded(program)
    assert not found & {"typer", "rich", "sqlalchemy", "sqlmodel", "pydantic", "httpx", "textual"}
    assert {name for name in found if name.startswith("quarterdeck.")} == {
        "quarterdeck.console",
        "quarterdeck.console.main",
    }


def test_the_first_help_page_loads_no_noun() -> None:
    found = loaded("from quarterdeck.console.cli.boundary import run\nrun(['--help'])")
    assert not found & {"sqlalchemy", "sqlmodel", "rich"}
    assert not {f"quarterdeck.console.cli.{name}" for name in COMMANDS} & found


def test_a_command_loads_its_own_noun_only() -> None:
    found = loaded("from quarterdeck.console.cli.app import load\nload('model')")
    assert {name for name in COMMANDS if f"quarterdeck.console.cli.{name}" in found} == {"model"}


def test_no_noun_loads_the_machine_learning_libraries_or_the_screens() -> None:
    found = loaded("from quarterdeck.console.cli.app import COMMANDS, load\nfor name in COMMANDS: load(name)")
    assert {f"quarterdeck.console.cli.{name}" for name in COMMANDS} <= found
    assert not found & HEAVY


def test_reading_the_registry_loads_neither_http_nor_rich_nor_alembic(root) -> None:
    found = loaded("from quarterdeck.console.cli.boundary import run\nassert run(['model', 'list']) == 0", cwd=root)
    assert not found & {*HEAVY, "httpx", "rich", "alembic"}


def test_rows_as_json_do_not_load_polars(root) -> None:
    program = "from quarterdeck.console.cli.rows import one_row\none_row('{}')"
    assert "polars" not in loaded(program, cwd=root)
