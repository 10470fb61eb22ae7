"""How much memory a run uses: its worker and every process that came of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil


def used_by(pid: int) -> int:
    """Bytes of memory that a process and its descendants hold; 0 where it is gone."""
    return sum(_resident(process) for process in _family(pid))


def kill_family(pid: int) -> None:
    """End a process and its descendants, the parents first, so that none is started anew."""
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def kill_left(pid: int) -> None:
    """End what a process that we started, and have not reaped yet, left behind in its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
