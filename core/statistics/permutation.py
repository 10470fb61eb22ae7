"""The paired permutation test: is the mean difference more than swapping the two models' answers would give?

If the two models are exchangeable, the sign of each row's difference is a coin's. The test holds the mean
difference against those of all 2^n choices of signs where these are no more than the resamples, and of a
random sample of choices otherwise. It assumes nothing of the differences' distribution but its symmetry under
the null. Fisher 1935, "The design of experiments", section 21; Phipson and Smyth 2010 for the p-value of a
random sample, which counts the observed one in and so is never 0. Computed by scipy.stats.permutation_test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from quarterdeck.core.errors import RefusedError

RESAMPLES = 9_999
_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PermutationTest:
    """The mean difference in its unit and the two-sided p in (0, 1].

    `smallest_p` is the least p that n rows and so many resamples can give: where it is above alpha nothing
    was tested, and the verdict is HOLD.
    """

    difference: float
    p: float
    n: int
    exact: bool
    resamples: int  # choices of signs that were looked at
    smallest_p: float


def sign_flip_test(differences: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> PermutationTest:
    """Test n differences (n,), one a row. Exact while 2^n <= resamples: up to 13 rows by default.

    Differences that are all 0 give p 1; all the same other number gives the smallest p. Swapping the models
    flips the sign of the difference; p stays, in the exact test to the last digit, otherwise within the noise
    of the random sample. The same seed gives the same p. Raises RefusedError on no rows, NaN and infinity.
    """
    x = np.asarray(differences, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0 or not np.isfinite(x).all():
        raise RefusedError(f"a flat list of one or more finite differences is needed, found shape {x.shape}")
    if resamples < 1:
        raise RefusedError(f"{resamples} resamples test nothing", hint=f"{RESAMPLES} is the default")
    exact = len(x) < 60 and 2 ** len(x) <= resamples
    choices = 2 ** len(x) if exact else resamples
    return PermutationTest(
        difference=float(x.mean()),
        p=_p(x, resamples, seed),
        n=len(x),
        exact=exact,
        resamples=choices,
        smallest_p=min(1.0, 2 / (choices if exact else choices + 1)),
    )


def _p(x: NDArray[np.float64], resamples: int, seed: int) -> float:
    if len(x) == 1:  # SciPy refuses it: either sign is as extreme as the other
        return 1.0

    def mean(sample: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(sample.mean(axis=axis))

    found = stats.permutation_test(
        (x,),
        mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _NUMBERS_AT_ONCE // len(x)),
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)
