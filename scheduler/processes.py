"""How Quarterdeck starts a process of its own: the same Python, no shell, its output in a log file, its own session.

A session of its own keeps a ctrl+c in the terminal from reaching it: whoever started it decides when it stops.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import psutil

# user code and ours compute with small data side by side: one thread each, or two cores are fought over
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}

# whose token a command was given is not for the daemon, which outlives it, nor for the steps that a worker runs
_SECRETS = ("QUARTERDECK_TOKEN", "QUARTERDECK_TOKEN_FILE")


def spawn(
    module: str,
    *arguments: str,
    log: Path,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
    single_threaded: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `python -m module arguments`, appending what it prints to `log`; its answer to `stdout`, if given."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    environment = kept | {"PYTHONUNBUFFERED": "1"} | (_THREADS if single_threaded else {})
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # a list, no shell; the module names are ours
            [sys.executable, "-m", module, *arguments],
            stdin=stdin,
            stdout=output if stdout is None else stdout,
            stderr=output,
            env=environment,
            start_new_session=True,
        )


def ask_aside(module: str, order: Any, *, log: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start `python -m module` with an order as JSON on its stdin: the process, and the file that its answer goes to.

    The file is to be read when the process has ended, and closed.
    """
    answer = tempfile.TemporaryFile()  # noqa: SIM115  # closed by who reads it
    with tempfile.TemporaryFile() as question:
        question.write(json.dumps(order).encode())
        question.seek(0)
        child = spawn(module, log=log, stdin=question.fileno(), stdout=answer.fileno(), single_threaded=True)
    return child, answer


def terminate(pid: int, *, patience: float) -> None:
    """Ask a process to stop, wait, and kill it if it does not; one that has gone already is no error."""
    try:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=patience)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        kill(pid)


def kill(pid: int) -> None:
    """End a process at once."""
    try:
        psutil.Process(pid).kill()
    except psutil.NoSuchProcess:
        return
