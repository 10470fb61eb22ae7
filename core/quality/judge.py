"""Every check of data quality that a window's counts allow."""

from __future__ import annotations

from quarterdeck.core.drift_spec import QualitySpec
from quarterdeck.core.profile_values import Counts, FeatureProfile, Profile
from quarterdeck.core.quality.constant import constant
from quarterdeck.core.quality.shares import missing, outside
from quarterdeck.core.quality.verdict import QualityResult
from quarterdeck.core.quality.volume import volume

_CHECKS = 3  # of each feature


def judge_quality(
    profile: Profile,
    counts: Counts,
    spec: QualitySpec | None = None,
    *,
    rows: int | None = None,
    usual: float | None = None,
) -> list[QualityResult]:
    """The results feature by feature in the profile's order, then the volume where `rows` and what is usual are known.

    alpha is shared out evenly among all checks (Bonferroni): a window of rows like the reference's has any bad check
    at most so often.
    """
    spec = spec or QualitySpec()
    watched = [feature for feature in profile.features if feature.name not in spec.ignore]
    alpha = spec.alpha / max(_CHECKS * len(watched) + 1, 1)
    found = [result for feature in watched for result in _of_feature(feature, counts, spec, alpha)]
    if rows is not None and usual is not None:
        found.append(volume(rows, usual, alpha=alpha, factor=spec.volume))
    return found


def _of_feature(feature: FeatureProfile, counts: Counts, spec: QualitySpec, alpha: float) -> list[QualityResult]:
    window = counts.features[feature.name]
    return [
        missing(feature, window, alpha=alpha, tolerance=spec.missing),
        outside(feature, window, alpha=alpha, tolerance=spec.outside),
        constant(feature, window, alpha=alpha),
    ]
