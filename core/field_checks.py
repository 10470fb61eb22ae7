"""One value of a prediction request against its field: compiled to a closure, and in words when it is wrong.

The rules are prediction.py's. Loads without numpy.
"""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from quarterdeck.core.errors import InputError
from quarterdeck.core.models.signature import Field, FieldKind

LONGEST_STRING = 1_000
RANGE_FACTOR = 10.0  # how many widths of the training range a number may lie outside it
_INT64 = 2**63
_GREATEST = sys.float_info.max
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The value as the model takes it. Raises InputError without a place: the caller knows row and field.
Check = Callable[[Any], Any]


def compile_check(field: Field) -> Check:
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
            raise InputError(f"expected a whole number, found {found_value(value)}")
        return int(number)

    return check


def _checked_number(value: Any, field: Field, low: float, high: float, expected: str) -> float:
    """The slow way: an integer for a number, or the words for what is wrong."""
    if value.__class__ not in (int, float):
        raise _not_a(expected, value, field)
    if value != value or value in (math.inf, -math.inf):
        hint = "send null for a missing value" if field.nullable else None
        raise InputError(f"expected {expected}, found {value}", hint=hint)
    if not low <= value <= high:
        raise _out_of_range(value, field, low, high)
    return float(value) if field.kind is FieldKind.NUMBER else value


def _out_of_range(value: float, field: Field, low: float, high: float) -> InputError:
    if field.minimum is None or field.maximum is None:
        size = "64-bit integer" if field.kind is FieldKind.INTEGER else "64-bit number"
        return InputError(f"expected a {size}, found {found_value(value)}", hint="check its unit")
    message = f"{found_value(value)} is out of range: between {low:g} and {high:g} is allowed"
    hint = f"training saw {field.minimum:g} to {field.maximum:g}; check its unit"
    return InputError(message, hint=hint)


def _string(field: Field) -> Check:
    nullable = field.nullable
    known = None if field.categories is None else frozenset(field.categories)

    def check(value: Any) -> Any:
        if value.__class__ is str and (value in known if known is not None else len(value) <= LONGEST_STRING):
            return value
        if value is None and nullable:
            return None
        if value.__class__ is not str:
            raise _not_a("a string", value, field)
        if len(value) > LONGEST_STRING:
            raise InputError(f"expected at most {LONGEST_STRING:,} characters, found {len(value):,}")
        raise _unknown_category(value, field.categories or ())

    return check


def _unknown_category(value: str, categories: tuple[str, ...]) -> InputError:
    near = nearest(value, categories)
    shown = ", ".join(repr(category) for category in categories[:5])
    more = f" and {len(categories) - 5} more" if len(categories) > 5 else ""
    guess = f"did you mean {near!r}? " if near else ""
    message = f"{found_value(value)} is a category that training did not see"
    return InputError(message, hint=f"{guess}training saw {shown}{more}")


def _boolean(field: Field) -> Check:
    nullable = field.nullable

    def check(value: Any) -> Any:
        if value is True or value is False or (value is None and nullable):
            return value
        raise _not_a("true or false", value, field)

    return check


def check_entity(value: Any) -> Any:
    """A string of at most 1,000 characters, or a 64-bit integer."""
    if value.__class__ is str and len(value) <= LONGEST_STRING:
        return value
    if value.__class__ is int and -_INT64 <= value < _INT64:
        return value
    raise InputError(f"expected an id: a string or an integer, found {found_value(value)}")


def check_time(value: Any) -> datetime:
    """ISO 8601 text or seconds since 1970, as an aware UTC time before LATEST: a window must be able to hold it."""
    expected = 'expected a time: ISO 8601 ("2026-01-31T12:00:00Z") or seconds since 1970'
    try:
        found = None
        if value.__class__ is str and len(value) <= LONGEST_STRING:
            parsed = datetime.fromisoformat(value)
            found = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        elif value.__class__ in (int, float):
            found = _EPOCH + timedelta(seconds=value)
        if found is not None:
            if found < LATEST:
                return found
            raise InputError(f"expected a time before {LATEST:%Y}, found {found_value(value)}")
    except (ValueError, OverflowError):  # no such day, or outside the years 1 to 9999
        hint = "are these milliseconds?" if value.__class__ is not str else None
        raise InputError(f"{expected}, found {found_value(value)}", hint=hint) from None
    raise InputError(f"{expected}, found {found_value(value)}")


def _not_a(expected: str, value: Any, field: Field) -> InputError:
    if value is None:
        return InputError(f"expected {expected}, found null", hint="training saw no row without this field")
    hint = "a number is written without quotes" if value.__class__ is str and "number" in expected else None
    or_null = " or null" if field.nullable else ""
    return InputError(f"expected {expected}{or_null}, found {found_value(value)}", hint=hint)


def nearest(name: Any, options: Sequence[str]) -> str | None:
    """The option that is spelt most like it, if any is near."""
    near = difflib.get_close_matches(str(name)[:100], options, n=1)
    return near[0] if near else None


_KINDS = {bool: "a boolean", str: "a string", dict: "an object", list: "a list", type(None): "null"}


def found_value(value: Any) -> str:
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
