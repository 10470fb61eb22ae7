"""Whether estimates are to be believed: held against the labels of the windows whose labels came.

An estimate and what came true may differ by chance: by the labels' own, by that of the reference the estimate was
learned from, and by the unrest that the reference's chunks showed. Beyond that, in two labelled windows in a row, the
same inputs no longer lead to the same outcomes, and no estimate of this version holds from the first of them on, until
a labelled window agrees again. Loads without numpy, because the console reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import NormalDist
from typing import TYPE_CHECKING

from quarterdeck.core.performance.finding import Finding, Kind, is_worse

if TYPE_CHECKING:
    from quarterdeck.core.performance.spread import MetricReference

IN_A_ROW = 2  # windows; a single one is wrong by chance once in some hundred
ERRING = 0.0027  # how often all metrics of a window together may disagree by chance: three standard deviations
NOT_VALID = "not valid since "


def disagrees(told: float, learned: float, came: float, error: float, reference: MetricReference, metrics: int) -> bool:
    """Whether an estimate is beyond what chance allows.

    `learned`: the part of its error that comes from the reference; `error`: the standard error of what came true;
    `metrics`: how many are held against their labels together (Bonferroni). Without a known error nothing disagrees.
    """
    chance = math.sqrt(learned**2 + error**2 + (reference.between or 0.0) ** 2)
    if not math.isfinite(chance) or chance == 0:
        return False
    return abs(told - came) > NormalDist().inv_cdf(1 - ERRING / max(1, metrics) / 2) * chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A window's start, and all that was found in it."""

    start: datetime
    findings: tuple[Finding, ...]

    @property
    def agrees(self) -> bool | None:
        """Whether its estimates agree with its labels; None where that cannot be told yet."""
        told = [item.agrees for item in self.findings if item.kind is Kind.ESTIMATED and item.agrees is not None]
        return all(told) if told else None


def invalid_since(windows: Sequence[Judged]) -> datetime | None:
    """Since when the estimates of a version are not to be believed, by its windows in order of time; None: they are."""
    wrong: list[datetime] = []
    for window in windows:
        if window.agrees is True:
            wrong = []
        elif window.agrees is False:
            wrong.append(window.start)
    return wrong[0] if len(wrong) >= IN_A_ROW else None


def mark(findings: Sequence[Finding], since: datetime | None) -> tuple[Finding, ...]:
    """The findings of a window, its estimates declared invalid since a time, or valid (None)."""
    return tuple(_mark(item, since) if item.kind is Kind.ESTIMATED else item for item in findings)


def _mark(item: Finding, since: datetime | None) -> Finding:
    kept = item.note.partition(NOT_VALID)[0].rstrip("; ")
    if since is None:
        worse = item.value is not None and is_worse(item.metric, item.value, item.threshold_low, item.threshold_high)
        return replace(item, valid=True, alert=worse, note=kept)
    why = f"{NOT_VALID}{since:%Y-%m-%d %H:%M} UTC: it does not agree with the labels that came"
    return replace(item, valid=False, alert=False, note=f"{kept}; {why}" if kept else why)
