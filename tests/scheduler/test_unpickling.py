"""The process that loads a pickle, and the walls around it, each tried alone."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.pickle_audit import audit_pickle
from quarterdeck.core.models.skops_io import loads
from quarterdeck.scheduler.children import ask_child
from quarterdeck.scheduler.unpickling import Unpickler

MODULE = "quarterdeck.scheduler.unpickling"


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def ask(names: list[str], data: bytes) -> bytes:
    return ask_child(MODULE, {"names": names}, data, what="loading the pickle")


def test_a_pickle_becomes_skops_that_answers_the_same() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    data = pickle.dumps(model)
    made = loads(ask(list(audit_pickle(data).names), data))
    assert (made.predict_proba(rows) == model.predict_proba(rows)).all()


def test_names_that_are_not_those_listed_or_are_never_loaded_stop_it(tmp_path: Path) -> None:
    data = pickle.dumps(Calls(os.system, f"touch {tmp_path}/canary"))
    for names in ([], ["posix.system"]):
        with pytest.raises(RefusedError, match="than were listed"):
            ask(names, data)
    assert not (tmp_path / "canary").exists()


def test_the_loader_finds_no_name_that_was_not_listed() -> None:
    with pytest.raises(RefusedError, match="not listed"):
        Unpickler(pickle.dumps(Calls(os.system, "true")), ["builtins.list"]).load()


@pytest.mark.parametrize(
    "deed",
    [
        "open(sys.argv[1], 'w')", "open(sys.argv[1], 'ab')", "os.system('touch ' + sys.argv[1])", "os.remove(__file__)",
        "subprocess.run(['touch', sys.argv[1]])", "socket.socket()", "eval('1')", "exec('1')", "os.fork()",
        "os.kill(os.getppid(), 0)", "os.mkdir(sys.argv[1])", "shutil.rmtree('/nothing')",
    ],
)  # fmt: skip
def test_while_loading_nothing_but_reading_is_done(deed: str, tmp_path: Path) -> None:
    program = tmp_path / "deed.py"
    program.write_text(
        "import os, shutil, socket, subprocess, sys\nfrom quarterdeck.scheduler.unpickling import guard\n"
        f"open(__file__).close()\nguard()\nopen(__file__).close()\n{deed}\nprint('done')\n"
    )
    done = subprocess.run([sys.executable, str(program), str(tmp_path / "canary")], capture_output=True, check=False)
    assert done.returncode == 9 and b"the pickle tried" in done.stderr and b"done" not in done.stdout
    assert program.exists() and not (tmp_path / "canary").exists()


CHILD = """
import os, signal, sys, time
from quarterdeck.scheduler.children import child_main
def work(header, data):
    deed = header["deed"]
    if deed == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if deed == "hang":
        time.sleep(60)
    if deed == "memory":
        bytearray(8 << 30)
    if deed == "print":
        print("noise on stdout")
    if deed == "environment":
        return repr(sorted(os.environ)).encode()
    if deed == "write":
        with open("file", "wb") as file:
            file.write(b"x" * 10)
    return data[::-1]
if __name__ == "__main__":
    child_main(work)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a_child_of_the_tests.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "a_child_of_the_tests"


def test_a_child_gives_bytes_back_and_what_it_prints_is_kept_apart(child: str) -> None:
    assert ask_child(child, {"deed": "print"}, b"abc", what="it") == b"cba"


@pytest.mark.parametrize(
    ("deed", "said"),
    [("crash", "signal 11"), ("hang", "more than 2 s"), ("memory", "memory"), ("write", "signal 25|File too")],
)
def test_a_child_that_dies_is_an_error_in_words(child: str, deed: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        ask_child(child, {"deed": deed}, b"", what="it", time_s=2.0 if deed == "hang" else 60.0)


def test_a_child_sees_no_secret_of_the_environment(child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_UP_SECRET", "x")
    assert b"MADE_UP_SECRET" not in ask_child(child, {"deed": "environment"}, b"", what="it")
