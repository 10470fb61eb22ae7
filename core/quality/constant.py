"""A column that stands still: every row of the window has one value, where the reference had several."""

from __future__ import annotations

from quarterdeck.core.profile_values import BinCounts, FeatureProfile
from quarterdeck.core.quality.verdict import Check, QualityResult


def constant(feature: FeatureProfile, window: BinCounts, *, alpha: float) -> QualityResult:
    """`value` is 1 where the column is constant.

    m rows of the reference would all fall into its fullest bin with a probability of share^m, at most: a window of a
    few rows, or a column that hardly ever changes, may well have one value.
    """
    reference = feature.reference
    same = _one_value(window)
    share = max(reference.counts, default=0) / reference.present if reference.present else 1.0
    p_value = float(share**window.present) if same else 1.0
    several = sum(count > 0 for count in reference.counts) > 1
    return QualityResult(
        feature=feature.name,
        check=Check.CONSTANT,
        value=float(same),
        expected=float(not several and reference.present > 0),
        low=None,
        high=None,
        p_value=p_value,
        n=window.present,
        bad=same and several and p_value <= alpha,
    )


def _one_value(window: BinCounts) -> bool:
    """By the range where the window has it; two values in one bin are not one value, but without it nobody can tell."""
    if window.present == 0 or sum(count > 0 for count in window.counts) > 1:
        return False
    return window.moments is None or window.moments.minimum == window.moments.maximum
