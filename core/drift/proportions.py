"""The Z test for two proportions: whether a value of two is as frequent in the window as in the reference.

    Z = (q - p) / sqrt(r (1 - r) (1/n + 1/m)),  r the share in both sets together

Two-sided, as statsmodels.stats.proportion.proportions_ztest; Z^2 is the chi-square of the table of four. From counts it
is the rows' own value.
"""

from __future__ import annotations

import math

from scipy import special

from quarterdeck.core.drift.verdict import PValue
from quarterdeck.core.errors import RefusedError


def proportions_z(reference: tuple[int, int], window: tuple[int, int]) -> PValue:
    """Of (rows with the value, rows without it) on either side; Z is positive where the window has more.

    A value that all rows have, or none, gives 0 and p 1. NaN where either side has no rows. Raises RefusedError on
    negative counts.
    """
    if min(*reference, *window) < 0:
        raise RefusedError("counts are 0 or more")
    n, m = sum(reference), sum(window)
    if n == 0 or m == 0:
        return PValue(statistic=math.nan, p_value=math.nan)
    together = (reference[0] + window[0]) / (n + m)
    error = math.sqrt(together * (1 - together) * (1 / n + 1 / m))
    if error == 0:
        return PValue(statistic=0.0, p_value=1.0)
    z = (window[0] / m - reference[0] / n) / error
    return PValue(statistic=z, p_value=float(2 * special.ndtr(-abs(z))))
