"""Rows of the prediction log in words: as a line, as JSON, and the times that ask for them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from quarterdeck.console.cli.live import parse_time
from quarterdeck.console.cli.output import clean, text_of
from quarterdeck.core.clock import utc_now
from quarterdeck.core.durations import parse_duration
from quarterdeck.store.traffic_log import Logged

_SHOWN = 160  # characters of the inputs on a line
_AGO = re.compile(r"\d+[smhdw]")


def time_or_ago(text: str | None) -> datetime | None:
    """A time as the options write it: itself, or how long ago, as "2h"."""
    if text is None:
        return None
    return utc_now() - parse_duration(text) if _AGO.fullmatch(text) else parse_time(text)


def as_object(row: Logged) -> dict[str, Any]:
    """With stable keys; what was kept as JSON as what it stands for."""
    return {
        "row": row.seq,
        "id": row.id,
        "endpoint": row.endpoint,
        "version": row.version,
        "arm": row.arm,
        "entity": row.entity,
        "event_at": row.event_at,
        "at": row.at,
        "latency_ms": row.latency_us / 1_000,
        "inputs": json.loads(row.inputs) if row.inputs else None,
        "answer": json.loads(row.answer),
        "score": row.score,
        "probabilities": None if row.probabilities is None else json.loads(row.probabilities),
        "label": None if row.label is None else json.loads(row.label),
        "labelled_at": row.labelled_at,
    }


def as_line(row: Logged) -> str:
    """One line: when, who answered, what, how sure, how fast, to what."""
    inputs = row.inputs if len(row.inputs) <= _SHOWN else row.inputs[:_SHOWN] + "…"
    answer = row.answer if row.score == _number(row.answer) else f"{row.answer} ({row.score:.3f})"
    words = (
        text_of(row.at), f"{row.endpoint}@{row.version}", row.arm, row.id, answer, f"{row.latency_us / 1_000:.1f}ms",
        *((row.entity,) if row.entity is not None else ()), inputs,
    )  # fmt: skip
    return clean("  ".join(words))


def _number(answer: str) -> float | None:
    """The answer where it is the score itself, as a value is."""
    found = json.loads(answer)
    return found if isinstance(found, float) else None


def say_more(found: Sequence[Logged], limit: int) -> None:
    """How to get the next page, where there may be one."""
    if len(found) == limit:
        print(f"older: the same command with --before {found[-1].seq}", file=sys.stderr)
