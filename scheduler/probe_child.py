"""Loads a model as the prediction server does, queries it, and says what it took: `python -m ... FILE`.

Its parent (probe.py) reads lines of JSON: one when the libraries are there and the model's turn begins, one when it has
answered, and the report. Whatever libraries print goes to stderr. It ends by itself if its parent has died.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.opset import onnx_opset
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.probe import ProbeReport
from quarterdeck.core.values import Engine

MB = 1_000_000
MOST_QUERIES = 500
QUERYING_S = 0.5  # after so long no further query is made
FEWEST_QUERIES = 30  # but so many are, however long they take
_LIBRARIES = {
    Engine.ONNX: ("numpy", "onnxruntime"),
    Engine.SKLEARN: ("numpy", "polars", "scikit-learn", "scipy", "skops"),
    Engine.RULES: ("numpy",),
    Engine.REMOTE: ("httpx", "numpy"),
}


def main(order_file: str) -> None:
    """Do what the order in a file says."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        order = json.loads(Path(order_file).read_bytes())
        planned, artifacts = _prepare(order)
        _limit(order["memory_mb"], order["seconds"])
        _say(out, {"started": True})
        rows = [tuple(row) for row in order["rows"]]
        _say(out, _probe(planned, artifacts, rows, lambda: _say(out, {"answered": True})).to_json())


def _prepare(order: dict[str, Any]) -> tuple[Any, Any]:
    """Load the libraries that the engine needs, and say which model; none of it counts against the model."""
    from quarterdeck.scheduler.serving import live  # noqa: F401  # loaded before the clock runs
    from quarterdeck.store.artifacts import ArtifactStore
    from quarterdeck.store.plans import PlannedVersion

    engine = Engine(order["engine"])
    if engine is Engine.ONNX:
        import onnxruntime  # noqa: F401  # as above
    elif engine is Engine.SKLEARN:
        from quarterdeck.core.models import skops_io  # noqa: F401  # as above
        from quarterdeck.store import codecs  # noqa: F401  # as above
    planned = PlannedVersion(
        model=order["model"],
        number=1,
        artifact=order["artifact"],
        onnx=order["onnx"],
        engine=engine,
        signature=Signature.from_json(order["signature"]),
    )
    return planned, ArtifactStore(order["artifacts"])


def _limit(memory_mb: float, seconds: float) -> None:
    """Backstops, far beyond what the parent allows: it stops the process sooner, unless it is dead."""
    signal.alarm(int(seconds) + 30)
    with suppress(OSError, ValueError):  # not every system has them
        mapped = _status("VmSize:") or 0
        most = int(mapped + 2 * memory_mb * MB + 512 * MB)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _probe(planned: Any, artifacts: Any, rows: list[tuple[Any, ...]], answered: Callable[[], None]) -> ProbeReport:
    known = ProbeReport(python=platform.python_version(), packages=_versions(planned.engine))
    try:
        return _loaded_and_asked(known, planned, artifacts, rows, answered)
    except MemoryError:
        problem = "it ran out of memory"
    except QuarterdeckError as error:
        problem = f"it cannot be used: {error}"
    except Exception as error:  # a user's model: anything can come out of it, and it is the model's failure
        problem = f"it failed: {type(error).__name__}: {error}"
    return replace(known, problem=problem[:1000], memory_mb=_peak_mb())


def _loaded_and_asked(
    known: ProbeReport, planned: Any, artifacts: Any, rows: list[tuple[Any, ...]], answered: Callable[[], None]
) -> ProbeReport:
    from quarterdeck.scheduler.serving.live import load  # loaded already; here so that importing us stays cheap

    opset = onnx_opset(artifacts.get(planned.digest)) if planned.engine is Engine.ONNX else None
    began = time.perf_counter()
    model = load(planned, artifacts).model
    answer = model.ask(rows)
    if isinstance(answer, QuarterdeckError):
        raise answer
    seconds = time.perf_counter() - began
    answered()
    return replace(
        known,
        opset=opset,
        seconds=seconds,
        latencies_ms=tuple(_latencies(model, rows)),
        labels=None if answer.labels is None else tuple(answer.labels),
        scores=tuple(answer.scores),
        memory_mb=_peak_mb(),
    )


def _latencies(model: Any, rows: list[tuple[Any, ...]]) -> list[float]:
    """Milliseconds of single rows, one after the other, round and round."""
    found: list[float] = []
    ends = time.perf_counter() + QUERYING_S
    while rows and len(found) < MOST_QUERIES and (len(found) < FEWEST_QUERIES or time.perf_counter() < ends):
        row = rows[len(found) % len(rows)]
        began = time.perf_counter()
        answer = model.ask([row])
        found.append((time.perf_counter() - began) * 1000)
        if isinstance(answer, QuarterdeckError):
            raise answer
    return found


def _versions(engine: Engine) -> dict[str, str]:
    found = {}
    for name in ("quarterdeck", *_LIBRARIES[engine]):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _peak_mb() -> float | None:
    """The greatest resident size of this process. The kernel's count of resource usage will not do on Linux: a new
    process begins with its parent's."""
    found = _status("VmHWM:")
    if found is None:
        usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = usage if sys.platform == "darwin" else usage * 1024
    return found / MB


def _status(name: str) -> int | None:
    """Bytes of one line of what Linux says of this process; None elsewhere."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return None


def _say(out: BinaryIO, what: dict[str, Any]) -> None:
    out.write(json.dumps(what).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
