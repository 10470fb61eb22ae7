"""A command's helper process (scheduler/helping.py): its order, its progress, its end, and ctrl+c."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quarterdeck.core import errors
from quarterdeck.core.errors import QuarterdeckError, UnavailableError
from quarterdeck.scheduler.processes import spawn

PATIENCE_S = 15.0  # for a helper that was asked to stop; then it is killed

OnProgress = Callable[[Mapping[str, Any]], None]


def run_helper(
    module: str, order: Mapping[str, Any], *, log: Path, on_progress: OnProgress
) -> tuple[bool, dict[str, Any]]:
    """Have a helper do its work: (whether it came to its end, what it told last).

    Ctrl+c asks it to stop at its next good place and waits for that. Raises what the helper raised.
    """
    helper = spawn(module, log=log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, single_threaded=True)
    last: dict[str, Any] = {}
    try:
        assert helper.stdin is not None and helper.stdout is not None
        helper.stdin.write(json.dumps(order).encode() + b"\n")
        helper.stdin.flush()
        try:
            for line in helper.stdout:
                last = json.loads(line)
                if "progress" in last:
                    on_progress(last["progress"])
        except KeyboardInterrupt:
            last = _stop(helper) or {"stopped": last.get("progress", {})}
        return _outcome(helper, last, log)
    except BrokenPipeError:
        return _outcome(helper, last, log)
    finally:
        if helper.poll() is None:
            helper.kill()
        helper.wait()


def _stop(helper: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """Close its stdin, which asks it to stop; its last report, if there is one in time."""
    print("stopping after the rows under way", file=sys.stderr)
    try:
        rest, _ = helper.communicate(timeout=PATIENCE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second ctrl+c: at once
        return None
    lines = rest.splitlines()
    return json.loads(lines[-1]) if lines else None


def _outcome(helper: subprocess.Popen[bytes], last: Mapping[str, Any], log: Path) -> tuple[bool, dict[str, Any]]:
    if "error" in last:
        said = last["error"]
        kind = getattr(errors, said["kind"], QuarterdeckError)
        raise kind(said["message"], where=said["where"], hint=said["hint"])
    for name, over in (("done", True), ("stopped", False)):
        if name in last:
            return over, last[name]
    code = helper.wait()
    how = f"signal {-code}" if code < 0 else f"exit {code}"
    raise UnavailableError(f"the process that did it ended with {how}", where=str(log), hint="look there, try again")


@contextmanager
def rows_bar(what: str) -> Iterator[OnProgress]:
    """Shows {"rows", "total"} as a bar on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda told: None
        return
    # start-up time: only a terminal needs it
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn(),
               TextColumn("rows"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None)
        yield lambda told: progress.update(task, completed=told["rows"], total=told.get("total"))
