"""What a gate can ask beside a metric of the task: of the artifact that will be served, and of where it will run.

These are measured by a process of its own (scheduler/probe.py), not on the held-out rows.
"""

from __future__ import annotations

from collections.abc import Mapping

SIZE = "artifact_size_mb"  # what the server loads, in units of 1,000,000 bytes
# Milliseconds from a checked row to its answer, one row at a time: the share of queries that took at most so long.
LATENCIES: Mapping[str, float] = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95, "latency_p99_ms": 0.99}
TARGET = "target_compatible"  # loads and answers as expected in the target's environment, within memory and time

SERVED = (SIZE, *LATENCIES, TARGET)

# What the model may take where the gate does not say: a model that needs more is stopped.
MEMORY_MB = 4096.0  # units of 1,000,000 bytes, resident, of the whole process
SECONDS = 60.0  # until it is loaded and has answered its reference rows


def needs_probe(metric: str) -> bool:
    """Whether a process must load and query the model to judge the gate; a size is read off the store."""
    return metric in LATENCIES or metric == TARGET
