"""Many tests at once: which to believe, so that of those at most a given share is expected to be false.

Benjamini and Hochberg 1995, "Controlling the false discovery rate": holds for independent tests and for
positively dependent ones, such as slices of the same rows. Benjamini and Yekutieli 2001, "The control of the
false discovery rate in multiple testing under dependency": holds for any, and rejects less. Computed by
scipy.stats.false_discovery_control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.msprt import check_alpha


@dataclass(frozen=True, kw_only=True, slots=True)
class Discoveries:
    """In the order of the tests: the q-value of each, within [0, 1] and never under its p, and the verdict.

    A q-value is the least rate of false discoveries at which the test would be rejected.
    """

    q_values: tuple[float, ...]
    rejected: tuple[bool, ...]
    rate: float

    @property
    def count(self) -> int:
        return sum(self.rejected)


def control_false_discoveries(p_values: ArrayLike, *, rate: float = 0.05, any_dependence: bool = False) -> Discoveries:
    """Judge n p-values (n,) together; rejected where q <= rate.

    One p-value is its own q-value. No tests give an empty answer. `any_dependence` takes Benjamini and
    Yekutieli's in place of Benjamini and Hochberg's. Raises RefusedError on NaN, which names its place (a
    test that could not be made is to be left out, and counts nowhere), on numbers outside [0, 1], and on a
    rate outside (0, 1).
    """
    check_alpha(rate)
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise RefusedError(f"p-values come as a flat list, found shape {p.shape}")
    wrong = np.flatnonzero(~((p >= 0) & (p <= 1)))
    if len(wrong):
        raise RefusedError(
            f"{p[wrong[0]]} is no p-value",
            where=f"test {wrong[0]}",
            hint="leave out what could not be tested" if np.isnan(p[wrong[0]]) else "p lies between 0 and 1",
        )
    if len(p) == 0:
        return Discoveries(q_values=(), rejected=(), rate=rate)
    q = stats.false_discovery_control(p, method="by" if any_dependence else "bh")
    return Discoveries(q_values=tuple(q.tolist()), rejected=tuple((q <= rate).tolist()), rate=rate)
