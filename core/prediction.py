"""Rows of a prediction request, checked against the signature before the model sees them.

compile_checker() turns a signature into closures once; a row that is right costs one dictionary look-up and
two or three comparisons a field, and raises nothing. Loads without numpy.

What is decided here:
- Every field must be there; a field that may be null must be sent as null. An absent column is most often a
  mistake.
- A string that training did not see is refused, with the nearest one it saw, unless the field has no
  categories because training saw too many (more than 200) to list.
- A number may leave the range of training by ten times its width on either side; beyond that it is taken for
  a mistake of unit. A constant's width is its own size, at least 1.
- A time without a zone is UTC, as in training data.
"""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from quarterdeck.core.errors import InputError
from quarterdeck.core.models.signature import Field, FieldKind, Signature

LONGEST_STRING = 1_000
RANGE_FACTOR = 10.0  # how many widths of the training range a number may lie outside it
_INT64 = 2**63
_GREATEST = sys.float_info.max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Check = Callable[[Any], Any]  # a right value as the model takes it; raises _Wrong


class _Wrong(Exception):
    """What is wrong with one value; RowChecker adds the row and the field."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def at(self, index: int, name: str) -> InputError:
        return InputError(self.message, where=f"row {index}, field {name!r}", hint=self.hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedRows:
    """Rows as columns, lists in the order of the rows. `entities` and `times` hold None where none came."""

    columns: dict[str, list[Any]]
    entities: list[str | int | None]
    times: list[datetime | None]
    rows: int


class RowChecker:
    """Checks rows of one signature; made by compile_checker()."""

    def __init__(self, signature: Signature) -> None:
        self._checks = [(field.name, _compile(field)) for field in signature.fields]
        self._order = signature.names
        self._names = frozenset(signature.names)
        self._nullable = frozenset(field.name for field in signature.fields if field.nullable)
        self._entity = signature.entity
        self._time = signature.time
        self._target = signature.target
        # Entity and time may come along without being something the model reads.
        beside = (signature.entity, signature.time)
        self._extras = tuple(name for name in beside if name and name not in self._names)

    def check(self, rows: Sequence[Mapping[str, Any]]) -> CheckedRows:
        """Return the rows as columns. Raises InputError at the first wrong value, with row and field."""
        checked = [self._check_row(row, index) for index, row in enumerate(rows)]
        if len(checked) == 1:  # the commonest request by far
            columns = {name: [value] for name, value in zip(self._order, checked[0], strict=True)}
        elif checked:
            columns = {
                name: list(values)
                for name, values in zip(self._order, zip(*checked, strict=True), strict=True)
            }
        else:
            columns = {name: [] for name in self._order}
        return CheckedRows(
            columns=columns,
            entities=self._optional(rows, self._entity, _check_entity),
            times=self._optional(rows, self._time, _check_time),
            rows=len(rows),
        )

    def _check_row(self, row: Mapping[str, Any], index: int) -> list[Any]:
        if row.__class__ is not dict:
            raise InputError(f"expected an object, found {_found(row)}", where=f"row {index}")
        expected = len(self._order)
        for extra in self._extras:
            expected += extra in row
        if len(row) != expected:
            raise self._misnamed(row, index)
        values: list[Any] = []
        name = ""
        try:
            for name, check in self._checks:
                values.append(check(row[name]))
        except KeyError:
            raise self._misnamed(row, index) from None
        except _Wrong as wrong:
            raise wrong.at(index, name) from None
        return values

    def _misnamed(self, row: Mapping[str, Any], index: int) -> InputError:
        known = self._names.union(self._extras)
        unknown = [name for name in row if name not in known]
        missing = [name for name, _ in self._checks if name not in row]
        if unknown:
            return self._unknown(unknown[0], missing, index)
        where = f"row {index}, field {missing[0]!r}"
        hint = "send null where it has no value" if missing[0] in self._nullable else None
        return InputError("the field is missing", where=where, hint=hint)

    def _unknown(self, name: str, missing: list[str], index: int) -> InputError:
        where = f"row {index}, field {str(name)[:100]!r}"
        if name == self._target:
            message = "this is what the model predicts, not one of its fields"
            return InputError(message, where=where, hint="leave it out")
        # A missing field is the likelier meaning of a misspelt one than a field that is there.
        near = _nearest(name, missing) or _nearest(name, self._order)
        hint = f"did you mean {near!r}?" if near else f"the fields are {', '.join(self._order)}"
        return InputError("the model has no such field", where=where, hint=hint)

    @staticmethod
    def _optional(rows: Sequence[Mapping[str, Any]], name: str | None, check: Check) -> list[Any]:
        if name is None:
            return [None] * len(rows)
        values: list[Any] = [row.get(name) for row in rows]
        for index, value in enumerate(values):
            if value is not None:
                try:
                    values[index] = check(value)
                except _Wrong as wrong:
                    raise wrong.at(index, name) from None
        return values


def compile_checker(signature: Signature) -> RowChecker:
    """Make the checker of a signature, once; it may be used from many threads."""
    return RowChecker(signature)


def _compile(field: Field) -> Check:
    makers = {
        FieldKind.NUMBER: _number,
        FieldKind.INTEGER: _integer,
        FieldKind.STRING: _string,
        FieldKind.BOOLEAN: _boolean,
    }
    return makers[field.kind](field)


def allowed_range(field: Field) -> tuple[float, float]:
    """The least and the greatest number a field takes; infinite where training's range is not known."""
    if field.minimum is None or field.maximum is None:
        return -math.inf, math.inf
    width = field.maximum - field.minimum or max(abs(field.maximum), 1.0)
    return field.minimum - RANGE_FACTOR * width, field.maximum + RANGE_FACTOR * width


def _number(field: Field) -> Check:
    low, high = allowed_range(field)
    low, high = max(low, -_GREATEST), min(high, _GREATEST)  # infinity is out of any range
    nullable = field.nullable

    def check(value: Any) -> Any:
        if value.__class__ is float and low <= value <= high:  # NaN is in no range
            return value
        if value is None and nullable:
            return None
        return _checked_number(value, field, low, high, "a number")

    return check


def _integer(field: Field) -> Check:
    low, high = allowed_range(field)
    low, high = max(low, -_INT64), min(high, _INT64 - 1)
    nullable = field.nullable

    def check(value: Any) -> Any:
        if value.__class__ is int and low <= value <= high:
            return value
        if value is None and nullable:
            return None
        number = _checked_number(value, field, low, high, "a whole number")
        if number != int(number):
            raise _Wrong(f"expected a whole number, found {_found(value)}")
        return int(number)

    return check


def _checked_number(value: Any, field: Field, low: float, high: float, expected: str) -> float:
    """The slow way: an integer for a number, or the words for what is wrong."""
    if value.__class__ not in (int, float):
        raise _Wrong(*_not_a(expected, value, field))
    if value != value or value in (math.inf, -math.inf):
        raise _Wrong(
            f"expected {expected}, found {value}", "send null for a missing value" if field.nullable else None
        )
    if not low <= value <= high:
        raise _Wrong(*_out_of_range(value, field, low, high))
    return float(value) if field.kind is FieldKind.NUMBER else value


def _out_of_range(value: float, field: Field, low: float, high: float) -> tuple[str, str]:
    if field.minimum is None or field.maximum is None:
        size = "64-bit integer" if field.kind is FieldKind.INTEGER else "64-bit number"
        return f"expected a {size}, found {_found(value)}", "check its unit"
    message = f"{_found(value)} is out of range: between {low:g} and {high:g} is allowed"
    return message, f"training saw {field.minimum:g} to {field.maximum:g}; check its unit"


def _string(field: Field) -> Check:
    nullable = field.nullable
    known = None if field.categories is None else frozenset(field.categories)

    def check(value: Any) -> Any:
        if value.__class__ is str and (value in known if known is not None else len(value) <= LONGEST_STRING):
            return value
        if value is None and nullable:
            return None
        if value.__class__ is not str:
            raise _Wrong(*_not_a("a string", value, field))
        if len(value) > LONGEST_STRING:
            raise _Wrong(f"expected at most {LONGEST_STRING:,} characters, found {len(value):,}")
        raise _Wrong(*_unknown_category(value, field.categories or ()))

    return check


def _unknown_category(value: str, categories: tuple[str, ...]) -> tuple[str, str]:
    near = _nearest(value, categories)
    shown = ", ".join(repr(category) for category in categories[:5])
    more = f" and {len(categories) - 5} more" if len(categories) > 5 else ""
    hint = f"did you mean {near!r}? " if near else ""
    return f"{_found(value)} is a category that training did not see", f"{hint}training saw {shown}{more}"


def _boolean(field: Field) -> Check:
    nullable = field.nullable

    def check(value: Any) -> Any:
        if value is True or value is False or (value is None and nullable):
            return value
        raise _Wrong(*_not_a("true or false", value, field))

    return check


def _check_entity(value: Any) -> Any:
    if value.__class__ is str and len(value) <= LONGEST_STRING:
        return value
    if value.__class__ is int and -_INT64 <= value < _INT64:
        return value
    raise _Wrong(f"expected an id: a string or an integer, found {_found(value)}")


def _check_time(value: Any) -> datetime:
    """ISO 8601 text or seconds since 1970, as an aware UTC time."""
    expected = 'expected a time: ISO 8601 ("2026-01-31T12:00:00Z") or seconds since 1970'
    try:
        if value.__class__ is str and len(value) <= LONGEST_STRING:
            parsed = datetime.fromisoformat(value)
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        if value.__class__ in (int, float):
            return _EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError):  # no such day, or outside the years 1 to 9999
        hint = "are these milliseconds?" if value.__class__ is not str else None
        raise _Wrong(f"{expected}, found {_found(value)}", hint) from None
    raise _Wrong(f"{expected}, found {_found(value)}")


def _not_a(expected: str, value: Any, field: Field) -> tuple[str, str | None]:
    if value is None:
        return f"expected {expected}, found null", "training saw no row without this field"
    hint = "a number is written without quotes" if value.__class__ is str and "number" in expected else None
    return f"expected {expected}{' or null' if field.nullable else ''}, found {_found(value)}", hint


def _nearest(name: Any, options: Sequence[str]) -> str | None:
    near = difflib.get_close_matches(str(name)[:100], options, n=1)
    return near[0] if near else None


_KINDS = {bool: "a boolean", str: "a string", dict: "an object", list: "a list", type(None): "null"}


def _found(value: Any) -> str:
    """The value for a message: short, whatever was sent."""
    if value.__class__ is str:
        return repr(value if len(value) <= 40 else value[:40] + "…")
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is int and abs(value) >= 10**20:
        return "an integer of more than 20 digits"
    if value.__class__ in (int, float):
        return repr(value)
    return _KINDS.get(value.__class__, f"a {value.__class__.__name__}")
