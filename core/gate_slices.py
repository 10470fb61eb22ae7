"""A gate that must hold in every slice of a column: judged slice by slice, corrected for how many there are.

With k slices each bound is at 1 - (1 - confidence) / k (Bonferroni), so that all of them hold at once with the
confidence that was asked for. A limit is broken only where the bound is beyond it; a value beyond it whose bound is
not says too little, and that is HOLD.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.metrics.intervals import Estimate
from quarterdeck.core.metrics.slice_cuts import Cut
from quarterdeck.core.statistics.paired_bound import Bound, rows_needed
from quarterdeck.core.values import Direction, Outcome

_SEVERITY = (Outcome.FAIL, Outcome.HOLD, Outcome.PASS)

# The row numbers of a slice and the corrected confidence: the verdict on these rows.
JudgeSlice = Callable[[NDArray[np.intp], float], GateResult]


def judge_in_slices(
    judge: JudgeSlice, cut: Cut, codes: NDArray[np.intp], *, rows: int, confidence: float, blank: GateResult
) -> GateResult:
    """The verdict on the worst slice with at least `rows` rows, said of all of them; FAIL before HOLD before PASS.

    `codes`: (n,) each row's place in `cut.labels`. `blank` is the verdict's frame: its words get the column. Where no
    slice has enough rows it is HOLD, with the rows that the greatest one lacks.
    """
    counts = np.bincount(codes, minlength=len(cut.labels))
    judged = np.flatnonzero(counts >= rows)
    small = int(((counts > 0) & (counts < rows)).sum())
    blank = replace(blank, gate=f"{blank.gate} in every {cut.column}")
    if not len(judged):
        greatest = int(counts.max(initial=0))
        reason = f"no slice of {cut.column} has {rows} rows; the greatest has {greatest}"
        return replace(blank, outcome=Outcome.HOLD, reason=reason, n=greatest, rows_needed=rows - greatest)
    corrected = 1 - (1 - confidence) / len(judged)
    found = [(int(place), judge(np.flatnonzero(codes == place), corrected)) for place in judged]
    place, worst = min(found, key=lambda one: _rank(one[1]))
    name = f"{cut.column} = {cut.labels[place]}"
    return replace(worst, gate=blank.gate, slice=name, reason=_in_words(worst, name, found, small, rows))


def judge_bound_by_interval(
    *,
    metric: str,
    found: Estimate | None,
    n: int,
    confidence: float,
    minimum: float | None = None,
    maximum: float | None = None,
    owner: str | None = None,
) -> GateResult:
    """As judge_bound(), but FAIL only where the one-sided bound is beyond the limit; until then HOLD.

    `found` is the metric on `n` rows with its bounds at `confidence`, None where it has no meaning there. Without an
    interval, HOLD. `rows_needed` is then how many more may tell.
    """
    value = None if found is None else found.value
    interval = None if found is None else found.interval
    result = judge_bound(
        metric=metric, value=value, n=n, minimum=minimum, maximum=maximum, owner=owner, interval=interval
    )
    if result.outcome is not Outcome.FAIL:
        return result
    threshold = result.threshold
    assert threshold is not None and found is not None
    if interval is None or found.standard_error is None:
        return replace(result, outcome=Outcome.HOLD, reason=f"{result.reason}, on too few rows to tell")
    higher = result.direction is Direction.HIGHER
    if (interval[1] < threshold) if higher else (interval[0] > threshold):
        reach = f"at most {interval[1]:.4g}" if higher else f"at least {interval[0]:.4g}"
        return replace(result, reason=f"{result.reason}: {reach} with confidence {confidence:.4g}")
    bound = Bound(
        estimate=found.value,
        standard_error=found.standard_error,
        low=interval[0],
        high=interval[1],
        n=found.n,
        confidence=confidence,
    )
    reason = f"{result.reason}, but {interval[0]:.4g} to {interval[1]:.4g} on {n} rows: not enough to tell"
    return replace(result, outcome=Outcome.HOLD, reason=reason, rows_needed=rows_needed(bound, threshold))


def _rank(result: GateResult) -> tuple[int, float]:
    """The worst first: by outcome, then by how far beyond the threshold; what has no number last of its outcome."""
    if result.statistic is None or result.threshold is None:
        return _SEVERITY.index(result.outcome), np.inf
    inside = result.statistic - result.threshold
    return _SEVERITY.index(result.outcome), inside if result.direction is Direction.HIGHER else -inside


def _in_words(worst: GateResult, name: str, found: list[tuple[int, GateResult]], small: int, rows: int) -> str:
    alike = sum(result.outcome is worst.outcome for _, result in found)
    of = f"the worst of {len(found)}"
    if worst.outcome is not Outcome.PASS and len(found) > 1:
        of += f", {alike} {'fail' if worst.outcome is Outcome.FAIL else 'hold'}"
    left = f"; {small} with fewer than {rows} rows not judged" if small else ""
    return f"{name}: {worst.reason} ({of}{left})"
