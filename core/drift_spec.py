"""How drift and data quality are judged, as values: `[monitoring.drift]` and `[monitoring.quality]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DriftMethod(StrEnum):
    """How a feature's window is held against its reference."""

    AUTO = "auto"  # by kind and size, as Evidently's defaults
    PSI = "psi"
    JENSEN_SHANNON = "jensen_shannon"
    HELLINGER = "hellinger"
    WASSERSTEIN = "wasserstein"  # numbers only
    KOLMOGOROV_SMIRNOV = "kolmogorov_smirnov"  # numbers only; a test
    CHI_SQUARE = "chi_square"  # a test
    PROPORTIONS = "proportions"  # of two values only; a test


class Multivariate(StrEnum):
    """How all features together are held against the reference rows."""

    PCA = "pca"
    DOMAIN_CLASSIFIER = "domain_classifier"


TESTS = (DriftMethod.KOLMOGOROV_SMIRNOV, DriftMethod.CHI_SQUARE, DriftMethod.PROPORTIONS)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDriftSpec:
    """One `[monitoring.drift.features.<name>]` table; None where the pipeline's own holds."""

    method: DriftMethod | None = None
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftSpec:
    """The `[monitoring.drift]` table."""

    method: DriftMethod = DriftMethod.AUTO
    threshold: float | None = None  # of distances; None: the method's own
    alpha: float = 0.05  # of tests, over all features of a window
    share: float = 0.5  # of the features, from which the data set has drifted
    ignore: tuple[str, ...] = ()
    multivariate: tuple[Multivariate, ...] = ()
    features: Mapping[str, FeatureDriftSpec] = field(default_factory=dict)

    def of(self, feature: str) -> FeatureDriftSpec:
        """What holds for one feature: never None for the method."""
        own = self.features.get(feature, FeatureDriftSpec())
        return FeatureDriftSpec(
            method=own.method or self.method,
            threshold=self.threshold if own.threshold is None else own.threshold,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class QualitySpec:
    """The `[monitoring.quality]` table."""

    alpha: float = 0.001  # how often chance alone may call one check of a window bad, over all features
    missing: float = 0.02  # a share of missing values above the reference's by more than this matters
    outside: float = 0.02  # the same of numbers out of range and of unknown categories
    volume: float = 3.0  # this many times more or fewer rows than usual for the hour of the week
    ignore: tuple[str, ...] = ()
