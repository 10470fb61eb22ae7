"""The first run of a new workspace: who may act from then on, what a rejection says, and which rows judge an import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The command line in a workspace whose fuel gate no model can pass."""
    root = tmp_path_factory.mktemp("first") / "workspace"
    free = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK")}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "quarterdeck.console.main", *arguments],
            cwd=root if root.exists() else root.parent, capture_output=True, text=True, env=free, timeout=120,
            check=False,
        )  # fmt: skip

    assert command("init", str(root)).returncode == 0
    manifest = root / "pipelines" / "fuel" / "pipeline.toml"
    text = manifest.read_text()
    assert text.count("max = 1.8") == 1
    manifest.write_text(text.replace("max = 1.8", "max = 0.0001"))
    return command


def test_a_version_that_its_gates_reject_is_exit_1_and_names_them(run: Run) -> None:
    said = run("pipeline", "run", "fuel")
    assert said.returncode == 1
    assert "fuel@1, rejected" in said.stdout
    assert "error: fuel@1 is rejected by its gates: mean_absolute_error at most 0.0001" in said.stderr


def test_whoever_ran_the_first_pipeline_is_admin(run: Run) -> None:
    assert " admin " in run("user", "list").stdout
    assert "the first user of a new workspace is its admin" in run("audit", "list", "--act", "grant").stdout


@pytest.mark.slow
def test_the_held_out_rows_of_a_run_are_what_judges_a_model_from_elsewhere(run: Run, tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("def answer(rows):\n    return [20.0 for _ in rows]\n")
    order = ("model", "import", f"{rules}:answer", "--name", "fuel", "--like", "fuel@1", "--rows")
    raw = tmp_path / "raw.csv"
    raw.write_text("fuel_rate,ship\n20.1,Eider\n")
    refused = run(*order, str(raw))
    assert refused.returncode == 1
    assert "the rows lack speed_through_water" in refused.stderr
    assert "quarterdeck pipeline rows fuel --out" in refused.stderr and "retire" not in refused.stderr
    raw.write_text("fuel_rate,ship\n")
    assert "the file has no rows" in run(*order, str(raw)).stderr
    raw.write_text("")
    assert "the file has no rows" in run(*order, str(raw)).stderr

    written = run("pipeline", "rows", "fuel", "--out", str(tmp_path / "rows.parquet"))
    assert written.returncode == 0, written.stderr
    assert pl.read_parquet(tmp_path / "rows.parquet").height > 100
    taken = run(*order, str(tmp_path / "rows.parquet"))
    assert taken.returncode == 0, taken.stderr
    assert "FAIL  mean_absolute_error at most 0.0001" in taken.stdout


def test_rows_are_written_of_a_run_that_succeeded_to_a_file_that_can_be_read_again(run: Run, tmp_path: Path) -> None:
    assert run("pipeline", "rows", "flights", "--out", str(tmp_path / "r.csv")).returncode == 3
    assert run("pipeline", "rows", "fule", "--out", str(tmp_path / "r.csv")).returncode == 3
    assert run("pipeline", "rows", "fuel", "--out", str(tmp_path / "r.txt")).returncode == 2
    assert run("pipeline", "rows", "fuel", "--out", str(tmp_path / "no" / "r.csv")).returncode == 7
    assert run("pipeline", "rows", "fuel", "--train", "--out", str(tmp_path / "t.csv")).returncode == 0
    assert pl.read_csv(tmp_path / "t.csv").height > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv"]
