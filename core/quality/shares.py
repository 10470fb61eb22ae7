"""Shares of bad values: more of them than the reference shows, and than chance explains.

Of t bad rows on both sides together, n + m rows in all, the window's are binomial with m / (n + m) where both are one
source: exact for rare events (Przyborowski and Wilenski 1940, "Homogeneity of results in testing samples from Poisson
series"), on the safe side for others. The uncertainty of a small reference is in it.
"""

from __future__ import annotations

from scipy import special

from quarterdeck.core.profile_values import BinCounts, FeatureProfile
from quarterdeck.core.quality.verdict import Check, QualityResult


def missing(feature: FeatureProfile, window: BinCounts, *, alpha: float, tolerance: float) -> QualityResult:
    """Rows without a value."""
    reference = feature.reference
    return _share(
        feature.name, Check.MISSING, window.missing, window.rows, reference.missing, reference.rows, alpha, tolerance
    )


def outside(feature: FeatureProfile, window: BinCounts, *, alpha: float, tolerance: float) -> QualityResult:
    """Numbers out of range, or categories that the reference did not have.

    The reference has none of its own outside. But its next row would be: beyond its least or greatest number with a
    probability of 2 / (n + 1), and of a category not seen so far about as often as it has categories that were seen
    once (Good 1953).
    """
    reference = feature.reference
    if feature.is_number:
        check, seen = Check.OUT_OF_RANGE, 2
    else:
        check, seen = Check.UNKNOWN_CATEGORY, sum(count == 1 for count in reference.counts)
    return _share(feature.name, check, window.outside, window.present, seen, reference.present, alpha, tolerance)


def _share(
    name: str, check: Check, found: int, rows: int, seen: int, reference: int, alpha: float, tolerance: float
) -> QualityResult:
    expected = seen / reference if reference and check is Check.MISSING else 0.0
    value = found / rows if rows else 0.0
    p_value = chance_of_more(found, rows, seen, reference)
    high = min(expected + tolerance, 1.0)
    return QualityResult(
        feature=name,
        check=check,
        value=value,
        expected=expected,
        low=None,
        high=high,
        p_value=p_value,
        n=rows,
        bad=value > high and p_value <= alpha,
    )


def chance_of_more(found: int, rows: int, seen: int, reference: int) -> float:
    """The probability of `found` or more bad rows among `rows`, given `seen` among the reference's; 1 without any."""
    if found == 0 or rows == 0 or reference == 0:
        return 1.0
    return float(special.bdtrc(found - 1, found + seen, rows / (rows + reference)))
