"""Streams, and where river says that they drift: what test_streams.py holds our detectors against.

    python streams.py > river.json        with a Python that has river 0.26.1

The test makes the same streams; only the indices are kept.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

ADWIN: list[dict[str, Any]] = [
    {},
    {"clock": 1},
    {"delta": 0.2},
    {"max_buckets": 3, "min_window_length": 3, "grace_period": 40},
    {"clock": 7, "delta": 0.01, "min_window_length": 1},
]
PAGE_HINKLEY: list[dict[str, Any]] = [
    {},
    {"threshold": 5, "delta": 0.05},
    {"threshold": 200, "alpha": 0.99, "min_instances": 5},
    {"mode": "up", "threshold": 10},
    {"mode": "down", "threshold": 10},
]


def streams() -> Iterator[tuple[str, list[float]]]:
    for seed in range(2):
        draw = random.Random(seed).random
        yield f"error rate {seed}", [float(draw() < (0.1 if i < 1_500 else 0.3)) for i in range(2_500)]
        yield f"ramp {seed}", [draw() + max(0.0, (i - 800) / 800) for i in range(2_000)]
        yield f"steps {seed}", [draw() * 10 + 20 * (i // 700 % 2) for i in range(2_800)]
        yield f"falls {seed}", [draw() * 4 + (40 if i < 1_000 else 0) for i in range(2_000)]
        yield f"still {seed}", [draw() for _ in range(2_000)]
        yield f"wild {seed}", [draw() ** 8 * 1_000 * (1 if i < 1_200 else 3) for i in range(2_000)]


def main() -> None:
    from river import drift

    found: dict[str, list[list[int]]] = {}
    for name, values in streams():
        detectors = [*(drift.ADWIN(**options) for options in ADWIN), *(drift.PageHinkley(**o) for o in PAGE_HINKLEY)]
        found[name] = [[] for _ in detectors]
        for index, value in enumerate(values):
            for detector, indices in zip(detectors, found[name], strict=True):
                detector.update(value)
                if detector.drift_detected:
                    indices.append(index)
    json.dump(found, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
