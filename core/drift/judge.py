"""Every feature of a window, held against its reference by the method that fits it, from counts alone.

Features of one method are measured together: what is done once for twenty of them costs little more than for one.
The tests of a window are corrected together (Benjamini-Hochberg); a distance must exceed what chance reaches in any of
the window's features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from quarterdeck.core.drift.bins import Floats, coarse_starts
from quarterdeck.core.drift.chi_square import chi_square
from quarterdeck.core.drift.choose import DEFAULT_THRESHOLDS, choose_method
from quarterdeck.core.drift.hellinger import hellinger
from quarterdeck.core.drift.jensen_shannon import jensen_shannon
from quarterdeck.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from quarterdeck.core.drift.noise import distance_noise
from quarterdeck.core.drift.proportions import proportions_z
from quarterdeck.core.drift.psi import BINS, NOISE_QUANTILE, inverse_rows, psi
from quarterdeck.core.drift.verdict import DriftResult, PValue, decide_drift, decide_test
from quarterdeck.core.drift.wasserstein import wasserstein, wasserstein_noise
from quarterdeck.core.drift_spec import TESTS, DriftMethod, DriftSpec
from quarterdeck.core.profile_values import BinCounts, Counts, FeatureProfile, Profile
from quarterdeck.core.statistics.false_discovery import control_false_discoveries


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """A feature, its window, and how it is to be judged."""

    feature: FeatureProfile
    window: BinCounts
    method: DriftMethod
    threshold: float

    @property
    def rows(self) -> tuple[int, int]:
        return self.feature.reference.rows, self.window.rows


@dataclass(frozen=True, kw_only=True, slots=True)
class _Psi:
    value: float
    noise: float


def judge_features(profile: Profile, counts: Counts, spec: DriftSpec | None = None) -> list[DriftResult]:
    """Every feature's result but the ignored ones', in the profile's order."""
    spec = spec or DriftSpec()
    watched = (feature for feature in profile.features if feature.name not in spec.ignore)
    return judge_columns(((feature, counts.features[feature.name]) for feature in watched), spec)


def judge_columns(pairs: Iterable[tuple[FeatureProfile, BinCounts]], spec: DriftSpec) -> list[DriftResult]:
    """The same of any columns that belong together."""
    columns = [_column(feature, window, spec) for feature, window in pairs]
    quantile = max(NOISE_QUANTILE, 1 - spec.alpha / max(len(columns), 1))
    beside = _psi_of(columns)
    tests = [place for place, column in enumerate(columns) if column.method in TESTS]
    found = dict(zip(tests, _test([columns[place] for place in tests], [beside[p] for p in tests], spec), strict=True))
    found |= _distances(columns, beside, quantile)
    return [found[place] for place in range(len(columns))]


def _column(feature: FeatureProfile, window: BinCounts, spec: DriftSpec) -> _Column:
    own = spec.of(feature.name)
    method = choose_method(feature, own.method or DriftMethod.AUTO)
    threshold = spec.alpha if method in TESTS else own.threshold or DEFAULT_THRESHOLDS[method]
    return _Column(feature=feature, window=window, method=method, threshold=threshold)


def _psi_of(columns: Sequence[_Column]) -> list[_Psi]:
    """Each column's PSI in at most so many bins as the convention has."""
    if not columns:
        return []
    sides = [_coarse(column.feature) for column in columns]
    windows = [
        np.add.reduceat(np.asarray(column.window.with_missing, dtype=np.float64), starts)
        for column, (_, starts) in zip(columns, sides, strict=True)
    ]
    p, q = _matrix([reference for reference, _ in sides]), _matrix(windows)
    values = np.asarray(psi(p, q))
    used = ((p + q) > 0).sum(axis=1)
    level = np.where(used > 1, special.chdtri(np.maximum(used - 1, 1), 1 - NOISE_QUANTILE), 0.0)
    return [
        _Psi(value=float(value), noise=float(chance) * inverse_rows(*column.rows))
        for value, chance, column in zip(values, level, columns, strict=True)
    ]


@lru_cache(maxsize=4096)
def _coarse(feature: FeatureProfile) -> tuple[Floats, np.typing.NDArray[np.intp]]:
    """The reference's bins for PSI, missing rows last, and where each begins."""
    counts = np.asarray(feature.reference.with_missing, dtype=np.float64)
    starts = np.arange(len(counts))
    if feature.is_number and len(counts) > BINS + 3:
        starts = np.append(coarse_starts(counts[:-1], BINS), len(counts) - 1)
    return np.add.reduceat(counts, starts), starts


def _matrix(rows: Sequence[Floats]) -> Floats:
    """(columns, bins), the short ones filled up with empty bins."""
    found = np.zeros((len(rows), max(len(row) for row in rows)))
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return found


def _distances(columns: Sequence[_Column], beside: Sequence[_Psi], quantile: float) -> dict[int, DriftResult]:
    found: dict[int, DriftResult] = {}
    for method in DriftMethod:
        places = [place for place, column in enumerate(columns) if column.method is method]
        if not places or method in TESTS:
            continue
        chosen = [columns[place] for place in places]
        measured = _measure(method, chosen, [beside[place] for place in places], quantile)
        for place, (value, noise) in zip(places, measured, strict=True):
            found[place] = _decided(columns[place], value, noise, beside[place])
    return found


def _measure(
    method: DriftMethod, columns: Sequence[_Column], beside: Sequence[_Psi], quantile: float
) -> list[tuple[float, float]]:
    """(distance, noise) of each."""
    if method is DriftMethod.PSI:
        return [(item.value, item.noise) for item in beside]
    if method is DriftMethod.WASSERSTEIN:
        return [
            (wasserstein(c.feature, c.window), wasserstein_noise(c.feature, c.window, quantile=quantile))
            for c in columns
        ]
    p = _matrix([np.asarray(c.feature.reference.with_missing, dtype=np.float64) for c in columns])
    q = _matrix([np.asarray(c.window.with_missing, dtype=np.float64) for c in columns])
    values = np.asarray(jensen_shannon(p, q) if method is DriftMethod.JENSEN_SHANNON else hellinger(p, q))
    noises = distance_noise(method.value, p, q, quantile=quantile)
    return list(zip(values.tolist(), noises.tolist(), strict=True))


def _decided(column: _Column, value: float, noise: float, beside: _Psi) -> DriftResult:
    n, m = column.rows
    measured = n > 0 and m > 0
    return decide_drift(
        feature=column.feature.name,
        method=column.method.value,
        value=value if measured else None,
        threshold=column.threshold,
        noise=noise if measured else None,
        n_reference=n,
        n_window=m,
        psi=beside.value,
        psi_noise=beside.noise,
    )


def _test(columns: Sequence[_Column], beside: Sequence[_Psi], spec: DriftSpec) -> list[DriftResult]:
    """The tests of a window; those that could not be made count nowhere in the correction."""
    found = [_tested(column) for column in columns]
    made = [place for place, (_, outcome) in enumerate(found) if outcome.p_value == outcome.p_value]
    q_values = control_false_discoveries([found[place][1].p_value for place in made], rate=spec.alpha).q_values
    adjusted = dict(zip(made, q_values, strict=True))
    return [
        decide_test(
            feature=column.feature.name,
            method=method.value,
            found=outcome,
            q_value=adjusted.get(place),
            alpha=spec.alpha,
            n_reference=column.rows[0],
            n_window=column.rows[1],
            psi=beside[place].value,
            psi_noise=beside[place].noise,
        )
        for place, (column, (method, outcome)) in enumerate(zip(columns, found, strict=True))
    ]


def _tested(column: _Column) -> tuple[DriftMethod, PValue]:
    reference, window = column.feature.reference, column.window
    if column.method is DriftMethod.KOLMOGOROV_SMIRNOV:
        return column.method, kolmogorov_smirnov(reference.counts, window.counts)
    if column.method is DriftMethod.PROPORTIONS:
        two = _two_values(reference.with_missing, window.with_missing)
        if two is not None:
            return column.method, proportions_z(*two)
    return DriftMethod.CHI_SQUARE, chi_square(reference.with_missing, window.with_missing)


def _two_values(reference: tuple[int, ...], window: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Both sides' rows of the two values; None where there is any other, or a missing one."""
    used = [(a, b) for a, b in zip(reference, window, strict=True) if a + b > 0]
    if len(used) != 2:
        return None
    (a, b), (c, d) = used
    return (a, c), (b, d)
