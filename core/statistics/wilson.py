"""A share with its interval, which stays within 0 and 1 and is not empty where the share is 0 or 1.

Wilson 1927, "Probable inference, the law of succession, and statistical inference"; recommended by Brown, Cai and
DasGupta 2001, "Interval estimation for a binomial proportion".
"""

from __future__ import annotations

import math

from scipy import special

from quarterdeck.core.errors import RefusedError


def wilson_interval(share: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval of a share of `n` rows; (0, 1) for no rows. `n` may be a fraction: an effective size.

    RefusedError for a share outside [0, 1], a negative size, and a confidence outside (0, 1).
    """
    if not (0 <= share <= 1 and n >= 0 and 0 < confidence < 1):
        raise RefusedError(f"no interval of a share of {share} of {n} rows at {confidence}")
    if n == 0:
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + confidence / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    width = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - width), min(1.0, middle + width)
