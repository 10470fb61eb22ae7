"""McNemar's test that may be looked at after every row: an e-value on the discordant rows.

With b rows that only the first model got right, c that only the second did and n = b + c, the likelihood of
"a discordant row goes to the first model with a probability drawn from Beta(1, 1)" against "with 1/2" is

    E = 2^n / ((n + 1) C(n, b))

Under the null E is a martingale that starts at 1, so P(E >= 1/alpha at any time) <= alpha (Ville's
inequality), exactly, for any n. Rows on which the models agree in being right or wrong leave it as it is.

Sources: Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Ramdas, Grunwald,
Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.mcnemar import checked_pair
from quarterdeck.core.statistics.msprt import check_alpha


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Everything the test remembers of a stream: add rows in order of arrival. `p` never rises."""

    b: int = 0
    c: int = 0
    p: float = 1.0

    def add(self, first_right: bool, second_right: bool) -> State:
        """The state after one more row; rows on which both are right or both wrong change nothing."""
        if first_right == second_right:
            return self
        b, c = self.b + int(first_right), self.c + int(second_right)
        return replace(self, b=b, c=c, p=min(self.p, math.exp(-log_e_value(b, c))))

    @property
    def sign(self) -> int:
        """1 where the first model is right more often, -1 where the second is, 0 where neither."""
        return (self.b > self.c) - (self.b < self.c)


def log_e_value(b: int, c: int) -> float:
    """log E of b against c discordant rows; 0 without any. Symmetric in b and c; finite for any counts.

    Raises RefusedError on negative counts.
    """
    if b < 0 or c < 0:
        raise RefusedError(f"b and c count rows, found {b} and {c}")
    return float(_log_e(b, c))


def log_evidence(first_right: ArrayLike, second_right: ArrayLike) -> NDArray[np.float64]:
    """(n,) log E after each of n rows, in order of arrival; no rows give an empty array.

    Takes two (n,) arrays of True and False (or 1 and 0). Models that never differ give 0 throughout. Raises
    RefusedError on other values, NaN among them, and on shapes that differ.
    """
    first, second = checked_pair(first_right, second_right)
    return _log_e(np.cumsum(first & ~second), np.cumsum(~first & second))


def p_values(log_e: ArrayLike) -> NDArray[np.float64]:
    """(n,) the always-valid p-value at each look, 1 / the greatest E so far: within (0, 1], never rising."""
    path = np.asarray(log_e, dtype=np.float64)
    if path.ndim != 1 or np.isnan(path).any():
        raise RefusedError("a path of log e-values is flat and without NaN")
    return np.exp(-np.maximum.accumulate(np.maximum(path, 0.0)))


def discordant_needed(b: int, c: int, *, alpha: float, most: int = 10_000_000) -> int | None:
    """About how many more discordant rows until E >= 1/alpha, if they go on to fall b : c.

    0 where E is there already. Without any discordant row, the fewest that could reject at all (8 at alpha
    0.05). None where it would take more than `most`, as it does for b = c.
    """
    check_alpha(alpha)
    threshold, n = math.log(1 / alpha), b + c
    if log_e_value(b, c) >= threshold:
        return 0
    share = b / n if n else 1.0
    low, high = n, most
    if _at_share(high, share) < threshold:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _at_share(middle, share) >= threshold else (middle, high)
    return high - n


def _at_share(n: int, share: float) -> float:
    return float(_log_e(n * share, n * (1 - share)))


def _log_e(b: ArrayLike, c: ArrayLike) -> NDArray[np.float64]:
    b, c = np.asarray(b, dtype=np.float64), np.asarray(c, dtype=np.float64)
    log_beta = special.betaln(b + 1, c + 1)  # (n + 1) C(n, b) = 1 / Beta(b + 1, c + 1)
    return np.asarray((b + c) * math.log(2) + log_beta, dtype=np.float64)
