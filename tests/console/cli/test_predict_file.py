"""`quarterdeck predict --in FILE --out FILE`: one version for the whole file, as the server would answer, once each."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

SERVING = Path(__file__).parents[2] / "scheduler" / "serving" / "conftest.py"
PATIENCE_S = 60


def _load() -> Any:
    """The serving tests' workspaces with real models in them."""
    spec = importlib.util.spec_from_file_location("serving_lab", SERVING)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["serving_lab"] = module
    spec.loader.exec_module(module)
    return module


LAB = _load()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Any]:
    """Versions 1 (y = a + b) and 2 (y = 2 a + b) of `line`; the first is champion."""
    lab = LAB.Lab(tmp_path / "lab")
    lab.add_onnx("line", LAB.line_model(1.0))
    lab.add_onnx("line", LAB.line_model(2.0))
    lab.promote("line", 1)
    yield lab
    lab.close()


def command(lab: Any, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(lab.workspace.root), *arguments]


def run(lab: Any, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK")}
    done = subprocess.run(
        command(lab, *arguments), capture_output=True, text=True, env=kept, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == code, done.stderr
    return done


def predict(lab: Any, source: Path, target: Path, *more: str, code: int = 0, endpoint: str = "line") -> Any:
    return run(lab, "predict", endpoint, "--in", str(source), "--out", str(target), *more, code=code)


def frame(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"a": [float(n % 9) for n in range(rows)], "b": [1.0] * rows, "ship": [f"s{n}" for n in range(rows)]}
    )


def write(table: pl.DataFrame, path: Path) -> Path:
    {".parquet": table.write_parquet, ".csv": table.write_csv, ".jsonl": table.write_ndjson}[path.suffix](path)
    return path


def read(path: Path) -> pl.DataFrame:
    found: pl.DataFrame = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}[path.suffix](
        path
    )
    return found


def test_a_version_can_be_named(lab, tmp_path) -> None:
    source = write(frame(3), tmp_path / "rows.csv")
    for name, more in (("line@2", ()), ("line", ("--version", "2"))):
        predict(lab, source, tmp_path / "out.csv", *more, endpoint=name)
        assert read(tmp_path / "out.csv")["value"].to_list() == [1.0, 3.0, 5.0]


@pytest.mark.slow
def test_what_cannot_be_is_refused(lab, tmp_path) -> None:
    source = write(frame(3), tmp_path / "rows.csv")
    predict(lab, tmp_path / "none.csv", tmp_path / "out.csv", code=3)
    predict(lab, source, tmp_path / "out.csv", "--version", "9", code=3)
    predict(lab, source, tmp_path / "out.csv", code=3, endpoint="boats")
    predict(lab, source, tmp_path / "out.txt", "--no-log", code=2)
    run(lab, "--read-only", "predict", "line", "--in", str(source), "--out", str(tmp_path / "out.csv"), code=5)
    predict(lab, source, tmp_path / "no" / "out.csv", code=7)


def begun(target: Path) -> bool:
    return any((target.with_name(f".{target.name}.job")).glob("part-*.parquet"))


def start(lab: Any, source: Path, target: Path, *more: str) -> subprocess.Popen[str]:
    """The command, once its first part is there."""
    process = subprocess.Popen(
        command(lab, "predict", "line", "--in", str(source), "--out", str(target), *more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + PATIENCE_S
    while not begun(target):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    return process


def helpers_of(process: subprocess.Popen[str]) -> list[int]:
    return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]


def wait_for(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def long(lab, tmp_path) -> tuple[Path, Path, pl.DataFrame]:
    """A file that takes some seconds, and where its answers go."""
    rows = frame(400_000)
    return write(rows, tmp_path / "rows.parquet"), tmp_path / "out.parquet", rows


def check_whole(lab: Any, target: Path, rows: pl.DataFrame) -> None:
    """Every row answered once by version 1, every answer logged once."""
    found = read(target)
    assert found["row"].to_list() == list(range(1, len(rows) + 1))
    assert found["value"].to_list() == (rows["a"] + rows["b"]).to_list()
    assert sorted(row.id for row in lab.logged("arm = 'batch'")) == sorted(found["id"].to_list())
    with lab.traffic.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM cursor WHERE name LIKE 'batch%'").scalar() == 0


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on_with_the_version_it_began_with(lab, long) -> None:
    source, target, rows = long
    process = start(lab, source, target)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130 and "goes on from there" in err
    assert not target.exists()
    lab.promote("line", 2)
    said = predict(lab, source, target)
    assert "were answered before it was interrupted" in said.stderr and "line@1" in said.stderr
    check_whole(lab, target, rows)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["helper", "command"])
def test_after_a_kill_nothing_is_lost_and_nothing_is_twice(lab, long, which: str) -> None:
    source, target, rows = long
    process = start(lab, source, target)
    helpers = helpers_of(process)
    for pid in helpers if which == "helper" else [process.pid]:
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    import psutil

    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in helpers))
    assert process.returncode == (7 if which == "helper" else -9)
    assert not target.exists()
    predict(lab, source, target)
    check_whole(lab, target, rows)


@pytest.mark.slow
def test_an_unfinished_job_is_bound_to_its_input_and_version(lab, long, tmp_path) -> None:
    source, target, _ = long
    process = start(lab, source, target)
    stopped = [psutil.Process(pid) for pid in [process.pid, *helpers_of(process)]]
    for one in stopped:
        one.suspend()  # so that the second command meets it at work, however slow the machine is
    second = predict(lab, source, target, code=4)
    assert "another process" in second.stderr
    for one in stopped:
        one.resume()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert "--restart" in predict(lab, source, target, "--version", "2", code=4).stderr
    assert "--no-log" in predict(lab, source, target, "--no-log", code=4).stderr
    write(frame(4), source)
    assert "the input file" in predict(lab, source, target, code=4).stderr
    predict(lab, source, target, "--restart", "--version", "2")
    assert read(target)["value"].to_list() == [1.0, 3.0, 5.0, 7.0]
