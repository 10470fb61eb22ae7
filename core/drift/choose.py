"""Which method fits a feature: by its kind, its number of values and the size of the reference.

As Evidently's defaults: up to 1,000 reference rows tests (Kolmogorov-Smirnov for numbers, chi-square for categories, Z
for two values), above that distances (Wasserstein, Jensen-Shannon), for a test of many rows finds what matters to
nobody. A number of at most five different values is taken as a category.
"""

from __future__ import annotations

from quarterdeck.core.drift import hellinger, jensen_shannon, psi, wasserstein
from quarterdeck.core.drift_spec import DriftMethod
from quarterdeck.core.models.signature import FieldKind
from quarterdeck.core.profile_values import FeatureProfile

FEW_ROWS = 1_000
FEW_VALUES = 5

DEFAULT_THRESHOLDS = {
    DriftMethod.PSI: psi.ACT,
    DriftMethod.JENSEN_SHANNON: jensen_shannon.THRESHOLD,
    DriftMethod.HELLINGER: hellinger.THRESHOLD,
    DriftMethod.WASSERSTEIN: wasserstein.THRESHOLD,
}
_NUMBERS_ONLY = (DriftMethod.WASSERSTEIN, DriftMethod.KOLMOGOROV_SMIRNOV)


def choose_method(feature: FeatureProfile, wanted: DriftMethod = DriftMethod.AUTO) -> DriftMethod:
    """The method to use: the one that is wanted where it fits the feature, or else the default."""
    if fits(feature, wanted):
        return wanted
    few = feature.reference.rows <= FEW_ROWS
    if is_category(feature):
        if few:
            return DriftMethod.PROPORTIONS if has_two_values(feature) else DriftMethod.CHI_SQUARE
        return DriftMethod.JENSEN_SHANNON
    return DriftMethod.KOLMOGOROV_SMIRNOV if few else DriftMethod.WASSERSTEIN


def fits(feature: FeatureProfile, method: DriftMethod) -> bool:
    """Whether a method can be used for a feature; `auto` is none."""
    if method is DriftMethod.PROPORTIONS:
        return has_two_values(feature)
    return method is not DriftMethod.AUTO and (feature.is_number or method not in _NUMBERS_ONLY)


def is_category(feature: FeatureProfile) -> bool:
    distinct = feature.distinct
    return not feature.is_number or (distinct is not None and 0 < distinct <= FEW_VALUES)


def has_two_values(feature: FeatureProfile) -> bool:
    return feature.kind is FieldKind.BOOLEAN or feature.distinct == 2
