"""Drives a server with wrk: one row a request, so many connections, so many seconds."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
_LUA = """
wrk.method = "POST"
wrk.body = [==[%s]==]
wrk.headers["Content-Type"] = "application/json"
%s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What wrk saw."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int  # answers that were not 2xx, and broken connections


def drive(url: str, body: Any, *, connections: int, seconds: float, core: int, headers: dict[str, str]) -> Figures:
    """Closed loop on one core: each connection asks again as soon as it was answered."""
    more = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA % (json.dumps(body), more))
        script.flush()
        command = [
            "taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency",
            "-s", script.name, url,
        ]  # fmt: skip
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return _read(said)


def _read(said: str) -> Figures:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None:
        raise RuntimeError(f"wrk said:\n{said}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    failed = (int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Figures(requests_per_s=float(rate[1]), p50_ms=_quantile(said, 50), p99_ms=_quantile(said, 99), failed=failed)


def _quantile(said: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\b", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk did not say its {percent} % quantile:\n{said}")
    return float(found[1]) * _UNITS[found[2]]


def have_wrk() -> bool:
    return any((Path(place) / "wrk").exists() for place in ("/usr/bin", "/usr/local/bin"))
