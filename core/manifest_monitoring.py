"""Read and check `[monitoring.drift]` and `[monitoring.quality]` of a pipeline.toml."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from quarterdeck.core.drift_spec import DriftMethod, DriftSpec, FeatureDriftSpec, Multivariate, QualitySpec
from quarterdeck.core.toml_table import Table, expected_names, shown

# Every key that the tables may have; the documentation is tested against these.
DRIFT_KEYS = ("method", "threshold", "alpha", "share", "ignore", "multivariate", "features")
FEATURE_KEYS = ("method", "threshold")
QUALITY_KEYS = ("alpha", "missing", "outside", "volume", "ignore")

E = TypeVar("E", bound=StrEnum)


def read_drift(table: Table) -> DriftSpec:
    """The table as a value; what is wrong goes to the table's problems."""
    table.only(DRIFT_KEYS)
    default = DriftSpec()
    features = table.table("features")
    return DriftSpec(
        method=table.choice("method", default.method),
        threshold=_threshold(table),
        alpha=_alpha(table, default.alpha),
        share=table.number(
            "share", default.share, expected="a share above 0, up to 1", check=lambda found: 0 < found <= 1
        ),
        ignore=_names(table, "ignore"),
        multivariate=_members(table, "multivariate", Multivariate),
        features={name: _feature(features.table(name)) for name in features.values},
    )


def read_quality(table: Table) -> QualitySpec:
    """The same of the other table."""
    table.only(QUALITY_KEYS)
    default = QualitySpec()
    return QualitySpec(
        alpha=_alpha(table, default.alpha),
        missing=_share(table, "missing", default.missing),
        outside=_share(table, "outside", default.outside),
        volume=table.number("volume", default.volume, expected="a number above 1", check=lambda found: found > 1),
        ignore=_names(table, "ignore"),
    )


def _feature(table: Table) -> FeatureDriftSpec:
    table.only(FEATURE_KEYS)
    method = table.choice("method", DriftMethod.AUTO) if "method" in table else None
    return FeatureDriftSpec(method=method, threshold=_threshold(table))


def _threshold(table: Table) -> float | None:
    return table.number("threshold", None, expected="a number above 0", check=lambda found: found > 0)


def _alpha(table: Table, default: float) -> float:
    expected = "a probability above 0, below 1"
    return table.number("alpha", default, expected=expected, check=lambda found: 0 < found < 1)


def _share(table: Table, key: str, default: float) -> float:
    return table.number(key, default, expected="a share from 0 to 1", check=lambda found: 0 <= found <= 1)


def _names(table: Table, key: str) -> tuple[str, ...]:
    found = table.values.get(key, [])
    if isinstance(found, list) and all(isinstance(item, str) and item for item in found):
        return tuple(dict.fromkeys(found))
    table.wrong(key, f"is {shown(found)}; expected a list of features' names")
    return ()


def _members(table: Table, key: str, kind: type[E]) -> tuple[E, ...]:
    names = [member.value for member in kind]
    found = table.values.get(key, [])
    if not isinstance(found, list):
        table.wrong(key, f"is {shown(found)}; expected a list of {', '.join(names)}")
        return ()
    for item in found:
        if item not in names:
            table.wrong(key, f"holds {shown(item)}; {expected_names(item, names)}")
    return tuple(dict.fromkeys(kind(item) for item in found if item in names))
