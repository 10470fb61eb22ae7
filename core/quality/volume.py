"""The number of rows, against what is usual at that time of the week.

Usual is the median of earlier windows that began at the same hour of the same weekday; where there are fewer than three
of them, at the same hour of any day. Less than three of either: nothing is usual yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from scipy import special

from quarterdeck.core.quality.verdict import ALL_ROWS, Check, QualityResult

LEAST = 3


def usual_rows(start: datetime, earlier: Sequence[tuple[datetime, int]]) -> float | None:
    """The median rows of earlier windows (start, rows) like the one that begins at `start`; None without three."""
    same_hour = [(at, rows) for at, rows in earlier if at < start and at.time() == start.time()]
    same_day = [rows for at, rows in same_hour if at.weekday() == start.weekday()]
    chosen = same_day if len(same_day) >= LEAST else [rows for _, rows in same_hour]
    return float(median(chosen)) if len(chosen) >= LEAST else None


def volume(rows: int, usual: float, *, alpha: float, factor: float) -> QualityResult:
    """Held against what is usual: bad where it is `factor` times more or less, and Poisson noise does not explain it.

    Traffic is more uneven than Poisson says; that is what the factor is for.
    """
    low, high = usual / factor, usual * factor
    fewer, more = float(special.pdtr(rows, usual)), float(special.pdtrc(rows - 1, usual)) if rows else 1.0
    p_value = min(2 * min(fewer, more), 1.0)
    p_value = p_value if math.isfinite(p_value) else 0.0
    return QualityResult(
        feature=ALL_ROWS,
        check=Check.VOLUME,
        value=float(rows),
        expected=usual,
        low=low,
        high=high,
        p_value=p_value,
        n=rows,
        bad=not low <= rows <= high and p_value <= alpha,
    )
