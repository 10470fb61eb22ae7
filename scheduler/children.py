"""A file that may be hostile is worked on in a process of its own: bytes in, bytes out, with limits on time and memory.

What the child prints is kept apart from its answer. A child that dies, by a signal or a limit, is an error in words.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from quarterdeck.core.errors import QuarterdeckError, RefusedError

TIME_S = 120.0
MEMORY_BYTES = 4 << 30
REFUSED = 3  # a child's exit code where it said no; its reason is the answer
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONWARNINGS")  # no secrets


def ask_child(module: str, header: dict[str, Any], data: bytes, *, what: str, time_s: float = TIME_S) -> bytes:
    """The answer of `python -m module` to a header and bytes. RefusedError with the child's reason, or how it died."""
    sent = json.dumps(header).encode() + b"\n" + data
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _THREADS
    with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
        try:
            done = subprocess.run(  # noqa: S603  # a list, no shell; the module names are ours
                [sys.executable, "-m", module], input=sent, capture_output=True, env=environment, cwd=folder,
                timeout=time_s, check=False, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RefusedError(f"{what} took more than {time_s:g} s", hint="is the file what it should be?") from error
    if done.returncode == 0:
        return done.stdout
    if done.returncode == REFUSED:
        said = json.loads(done.stdout)
        raise RefusedError(said["message"], where=said["where"], hint=said["hint"])
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
    how = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"failed: {last[0][:300]}"
    raise RefusedError(f"{what} {how}", hint="do not use the file; find out who made it")


def child_main(work: Callable[[dict[str, Any], bytes], bytes], *, before: Callable[[], None] = lambda: None) -> None:
    """The child's whole life; `before` is called when the limits stand and before the input is looked at."""
    answer_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed goes to stderr
    header, _, data = sys.stdin.buffer.read().partition(b"\n")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(TIME_S), int(TIME_S)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no file grows
    before()
    try:
        answer, code = work(json.loads(header), data), 0
    except QuarterdeckError as error:
        said = {"message": error.message, "where": error.where, "hint": error.hint}
        answer, code = json.dumps(said).encode(), REFUSED
    except MemoryError:
        said = {"message": "it needs more than 4 GiB of memory", "where": None, "hint": None}
        answer, code = json.dumps(said).encode(), REFUSED
    answer_to.write(answer)
    answer_to.flush()
    os._exit(code)  # nothing that was loaded gets to run at the end
