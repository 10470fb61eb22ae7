"""What was measured of a version on the rows that were held out from training: the model card's figures, as values.

evaluation_compute.py measures them when a version is registered; they are kept as JSON beside the version. Loads
without numpy, because the console reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.metrics.slices import SliceReport

FORMAT = 1  # of the JSON; another number is not read
CONFIDENCE = 0.95  # of every interval

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Two-sided at CONFIDENCE; `method` says how it was found, in words."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One metric or KPI on the held-out rows.

    `champion` and `difference` (this version's value less the champion's) are of the same rows. `why_not` says why
    there is no interval.
    """

    name: str
    value: float
    interval: Interval | None = None
    champion: float | None = None
    difference: Interval | None = None
    why_not: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationBin:
    """Rows whose probability lay in (low, high]: the mean probability, and the share in which it came true."""

    low: float
    high: float
    n: int
    predicted: float
    observed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Whether probabilities mean what they say. `top_label`: of the most probable class, for more than two."""

    error: float  # expected calibration error, 0 to 1
    greatest: float  # of any bin
    top_label: bool
    bins: tuple[CalibrationBin, ...]  # those with rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """`width` is as far off as the given share of the earlier half's errors was at most; `observed` is the share of
    the later half's errors within it.
    """

    share: float
    width: float
    observed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Residuals:
    """Truth less prediction: (share, value) quantiles over all rows, and how far the earlier half tells the later."""

    quantiles: tuple[tuple[float, float], ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """How much worse the metric is with this field's values shuffled: mean and standard deviation of the repeats."""

    field: str
    worse_by: float
    deviation: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportanceOf:
    """Permutation importance of all fields, the greatest first, in `metric` on `rows` of the held-out rows."""

    metric: str
    rows: int
    repeats: int
    fields: tuple[Importance, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSeen:
    """Shares of the held-out rows in which a field was missing, and in which it was outside what training saw."""

    name: str
    missing: float
    outside: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """One set of rows: its fingerprint (SHA-256 of its bytes), size and time span."""

    name: str
    rows: int
    columns: int
    sha256: str | None = None
    first: datetime | None = None  # UTC
    last: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What was to be predicted on the held-out rows: classes with their shares, or quantiles of a number."""

    shares: tuple[tuple[str, float], ...] = ()
    quantiles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """All that was measured. `notes` says what could not be, and why."""

    rows: int
    target: Target
    metrics: tuple[Measured, ...]
    data: tuple[DataSet, ...] = ()
    champion: int | None = None  # the version that the metrics' `champion` is
    slices: SliceReport | None = None
    calibration: Calibration | None = None
    residuals: Residuals | None = None
    importance: ImportanceOf | None = None
    fields: tuple[FieldSeen, ...] = ()
    notes: tuple[str, ...] = ()

    def measured(self, name: str) -> Measured | None:
        return next((item for item in self.metrics if item.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """JSON values: times as ISO 8601 in UTC."""
        content: dict[str, Any] = {item.name: _json_of(getattr(self, item.name)) for item in fields(self)}
        return {"format": FORMAT} | content

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evaluation:
        """Raises IntegrityError on what to_json() does not write."""
        if data.get("format") != FORMAT:
            raise IntegrityError(
                f"an evaluation of format {data.get('format')!r} cannot be read; this version reads {FORMAT}",
                hint="install the version of Quarterdeck that registered it, or register the model again",
            )
        try:
            return _evaluation(data)
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"an evaluation cannot be read: {error!r}", hint="register the model again") from error


def _evaluation(data: Mapping[str, Any]) -> Evaluation:
    target = data["target"]
    return Evaluation(
        rows=data["rows"],
        target=Target(shares=_pairs(target["shares"]), quantiles=_pairs(target["quantiles"])),
        metrics=tuple(_measured(item) for item in data["metrics"]),
        data=tuple(_data_set(item) for item in data["data"]),
        champion=data["champion"],
        slices=None if data["slices"] is None else SliceReport.from_json(data["slices"]),
        calibration=_calibration(data["calibration"]),
        residuals=_residuals(data["residuals"]),
        importance=_importance(data["importance"]),
        fields=tuple(_made(FieldSeen, item) for item in data["fields"]),
        notes=tuple(data["notes"]),
    )


def _json_of(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, SliceReport):
        return value.to_json()
    if is_dataclass(value):
        return {item.name: _json_of(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_json_of(item) for item in value]
    return value


def _made(kind: type[T], item: Mapping[str, Any]) -> T:
    """A dataclass of exactly these fields."""
    return kind(**{name.name: item[name.name] for name in fields(kind)})  # type: ignore[arg-type]  # T is a dataclass


def _interval(item: Mapping[str, Any] | None) -> Interval | None:
    return None if item is None else _made(Interval, item)


def _measured(item: Mapping[str, Any]) -> Measured:
    parts = {"interval": _interval(item["interval"]), "difference": _interval(item["difference"])}
    return _made(Measured, {**item, **parts})


def _data_set(item: Mapping[str, Any]) -> DataSet:
    moments = {name: None if item[name] is None else datetime.fromisoformat(item[name]) for name in ("first", "last")}
    return _made(DataSet, {**item, **moments})


def _calibration(item: Mapping[str, Any] | None) -> Calibration | None:
    if item is None:
        return None
    return _made(Calibration, {**item, "bins": tuple(_made(CalibrationBin, each) for each in item["bins"])})


def _residuals(item: Mapping[str, Any] | None) -> Residuals | None:
    if item is None:
        return None
    coverage = tuple(_made(Coverage, each) for each in item["coverage"])
    return Residuals(quantiles=_pairs(item["quantiles"]), coverage=coverage)


def _importance(item: Mapping[str, Any] | None) -> ImportanceOf | None:
    if item is None:
        return None
    return _made(ImportanceOf, {**item, "fields": tuple(_made(Importance, each) for each in item["fields"])})


def _pairs(items: Any) -> tuple[tuple[Any, float], ...]:
    return tuple((first, second) for first, second in items)
