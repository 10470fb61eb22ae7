"""Is a share of failures at most a margin higher in one group of rows than in another? One look, separate rows.

The score test of H0: second - first >= margin. Its variance is that of the two rates which are likeliest among
those whose difference is exactly the margin, so that it holds its level also where rates are near 0 and few
failures were seen, which Wald's does not. Inverting it gives one-sided bounds of the difference.

Farrington and Manning 1990, "Test statistics and sample size formulae for comparative binomial trials with null
hypothesis of non-zero risk difference or non-unity relative risk"; with `corrected`, the default, variance times
N / (N - 1) as Miettinen and Nurminen 1985, "Comparative analysis of two rates". For looks while rows arrive:
two_arms.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import optimize, special

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.paired_bound import normal_quantile

_MOST_ROWS = 10_000_000  # an answer that far away is none
_EDGE = 1e-12  # nearer than this to 0 or 1 a rate has no variance left


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """How many of a group's n rows failed; 0 <= count <= n, n >= 1."""

    count: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.n or self.n < 1:
            raise RefusedError(f"{self.count} failures in {self.n} rows", hint="a share needs one row or more")

    @property
    def share(self) -> float:
        return self.count / self.n


@dataclass(frozen=True, kw_only=True, slots=True)
class NonInferiority:
    """The difference of shares, second - first, in [-1, 1]; positive is worse.

    `p` is one-sided, of "worse by the margin or more". `low` and `high` are one-sided bounds of the difference,
    each at `confidence`: p < 1 - confidence where high < margin.
    """

    first: Failures
    second: Failures
    difference: float
    margin: float
    z: float
    p: float
    low: float
    high: float
    confidence: float
    corrected: bool

    @property
    def not_inferior(self) -> bool:
        """The difference is less than the margin, at the confidence asked."""
        return self.high < self.margin

    @property
    def inferior(self) -> bool:
        """The difference is greater than the margin, at the confidence asked. Where neither: HOLD."""
        return self.low > self.margin


def non_inferiority(
    first: Failures, second: Failures, *, margin: float, confidence: float = 0.95, corrected: bool = True
) -> NonInferiority:
    """Test whether the second group fails at most `margin` more often, margin within (-1, 1).

    Swapping the groups mirrors the bounds: low becomes -high. Two groups without any failure give difference
    0 and finite bounds, wide while rows are few; at margin 0 their z is 0 and p 0.5. A single row each has
    bounds that say nothing. Raises RefusedError on a margin or confidence without meaning, NaN among them.
    """
    if not -1 < margin < 1:
        raise RefusedError(f"a margin lies between -1 and 1, found {margin}", hint="0.01 is one percentage point")
    if not 0.5 <= confidence < 1:
        raise RefusedError(f"confidence lies between 0.5 and 1, found {confidence}", hint="0.95 is usual")
    z = _z(first, second, margin, corrected)
    return NonInferiority(
        first=first,
        second=second,
        difference=second.share - first.share,
        margin=margin,
        z=z,
        p=float(special.ndtr(z)),
        low=-_high(second, first, confidence, corrected),
        high=_high(first, second, confidence, corrected),
        confidence=confidence,
        corrected=corrected,
    )


def rows_needed(result: NonInferiority, *, power: float = 0.8) -> tuple[int, int] | None:
    """How many more rows of the first and of the second group until a bound clears the margin, with `power`.

    Taken that both go on to fail as often and to share the traffic as before; the score test's standard error
    at the margin, times the quantiles, over the distance to the margin, squared. (0, 0) where a bound has
    cleared it. None where the difference lies on the margin, and beyond ten million.
    """
    if not 0 < power < 1:
        raise RefusedError(f"power lies between 0 and 1, found {power}")
    if result.not_inferior or result.inferior:
        return 0, 0
    distance = abs(result.margin - result.difference)
    error = _standard_error(result.first, result.second, result.margin, result.corrected)
    if distance == 0 or error == 0:
        return None
    scale = ((normal_quantile(result.confidence) + normal_quantile(power)) * error / distance) ** 2
    n, m = result.first.n, result.second.n
    if scale * max(n, m) > _MOST_ROWS:
        return None
    # A question is asked only where the rows were not enough.
    return max(1, math.ceil(n * scale) - n), max(1, math.ceil(m * scale) - m)


def _z(first: Failures, second: Failures, margin: float, corrected: bool) -> float:
    distance = second.share - first.share - margin
    error = _standard_error(first, second, margin, corrected)
    if error > 0:
        return distance / error
    return 0.0 if abs(distance) < _EDGE else math.copysign(math.inf, distance)


def _standard_error(first: Failures, second: Failures, margin: float, corrected: bool) -> float:
    one = _likeliest(first, second, margin)
    other = min(1.0, max(0.0, one + margin))
    variance = one * (1 - one) / first.n + other * (1 - other) / second.n
    total = first.n + second.n
    return math.sqrt(variance * (total / (total - 1) if corrected else 1.0))


def _likeliest(first: Failures, second: Failures, margin: float) -> float:
    """The first group's rate of greatest likelihood where the second's is `margin` more: a root of a cubic."""
    total, failures = first.n + second.n, first.count + second.count
    square = (2 * first.n + second.n) * margin - total - failures
    linear = (first.n * margin - total - 2 * first.count) * margin + failures
    constant = first.count * margin * (1 - margin)
    shift = square / (3 * total)
    q = shift**3 - square * linear / (6 * total**2) + constant / (2 * total)
    radius = math.copysign(math.sqrt(max(0.0, shift**2 - linear / (3 * total))), q)
    angle = math.acos(min(1.0, max(-1.0, q / radius**3))) if radius != 0 else 0.0
    root = 2 * radius * math.cos((math.pi + angle) / 3) - shift
    return min(1.0, 1 - margin, max(0.0, -margin, root))


def _high(first: Failures, second: Failures, confidence: float, corrected: bool) -> float:
    """The greatest difference that the test does not reject."""
    observed, quantile = second.share - first.share, normal_quantile(confidence)
    if observed > 1 - _EDGE:
        return 1.0

    def distance(margin: float) -> float:
        return max(-1e9, _z(first, second, margin, corrected)) + quantile

    start = max(observed, _EDGE - 1)
    if quantile == 0 or distance(start) <= 0:
        return observed
    if distance(1 - _EDGE) > 0:
        return 1.0
    return float(optimize.brentq(distance, start, 1 - _EDGE, xtol=1e-12))
