"""A process's memory from a moment on, on Linux, by the standard library alone: the peers' Pythons read it too."""

from __future__ import annotations

from pathlib import Path

_SELF = Path("/proc/self")


def forget_peak() -> float:
    """Forget the greatest memory so far; what is held now, in MB."""
    (_SELF / "clear_refs").write_text("5")
    return _megabytes("VmRSS")


def peak(before: float) -> dict[str, float]:
    """The greatest memory since, and what it is beyond that moment's."""
    found = _megabytes("VmHWM")
    return {"peak_mb": found, "grown_mb": found - before}


def _megabytes(name: str) -> float:
    lines = (line.split() for line in (_SELF / "status").read_text().splitlines())
    return next(int(words[1]) for words in lines if words[0] == f"{name}:") / 1024
