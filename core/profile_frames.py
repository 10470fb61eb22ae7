"""A whole frame counted into a profile's bins as profile.count() counts, column by column in the frame's memory."""

from __future__ import annotations

import polars as pl

from quarterdeck.core.models.signature import FieldKind
from quarterdeck.core.profile import count_column
from quarterdeck.core.profile_values import BinCounts, Counts, FeatureProfile, Profile


def count_frame(profile: Profile, frame: pl.DataFrame) -> Counts:
    """Count a frame's rows; further columns are ignored."""
    return Counts(rows=frame.height, features={f.name: count_series(f, frame[f.name]) for f in profile.features})


def count_series(feature: FeatureProfile, values: pl.Series) -> BinCounts:
    """Count one column: a number's through numpy, a category's by its distinct values."""
    if feature.is_number and values.dtype.is_numeric():
        return count_column(feature, values.cast(pl.Float64).to_numpy())
    if feature.kind is FieldKind.STRING and values.dtype in (pl.String, pl.Categorical):
        return _count_texts(feature, values)
    return count_column(feature, values.to_list())


def _count_texts(feature: FeatureProfile, values: pl.Series) -> BinCounts:
    found = dict(values.cast(pl.String).value_counts().iter_rows())
    missing = found.pop(None, 0)
    listed = [found.pop(category, 0) for category in feature.categories]
    rest = sum(found.values())
    outside = rest if feature.reference.counts[-1] == 0 else 0
    return BinCounts(counts=(*listed, rest), missing=missing, outside=outside)
