"""Bodies of prediction requests as checked rows.

An ordinary body is decoded by a type that is made once per version from its signature: names, kinds, ranges
and categories are checked while the JSON is read, several times faster than value by value. What that
refuses is read again by RowChecker, which decides and says what is wrong: the two never differ in what they
let pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from quarterdeck.core.errors import InputError, QuarterdeckError
from quarterdeck.core.field_checks import LONGEST_STRING, allowed_range, check_time
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.prediction import compile_checker
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.protocols import decode_rows
from quarterdeck.scheduler.serving.repeats import surely_once

ORDINARY = 64 * 1024  # bytes; larger bodies are read in a thread, in steps that let others in between
SHORT = 4 * 1024  # bytes; a longer body may be mostly blanks

_LONGEST = msgspec.Meta(max_length=LONGEST_STRING)
_ENTITY = Annotated[str, _LONGEST] | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None
_TIME = str | int | float | None


class Request(NamedTuple):
    """Rows as they were sent (to be logged), and as tuples in the signature's order (for the model)."""

    sent: Sequence[Any]
    rows: Sequence[tuple[Any, ...]]
    entities: Sequence[str | int | None]
    times: Sequence[datetime | None]
    text: bytes | None = None  # the one row as JSON, where it is the body and short: it need not be written again

    def part(self, places: Sequence[int]) -> Request:
        """Some of the rows."""
        return Request(
            [self.sent[place] for place in places],
            [self.rows[place] for place in places],
            [self.entities[place] for place in places],
            [self.times[place] for place in places],
        )


class RowReader:
    """Reads the requests to one version; may be used from many threads."""

    def __init__(self, signature: Signature) -> None:
        self._fields = len(signature.fields)
        self._checker = compile_checker(signature)
        self._entity = self._time = -1  # places in a row
        self._texts: tuple[int, ...] = ()  # places in a row where text may hold a colon
        self._one: Callable[[bytes], Any] | None = None
        self._many: Callable[[bytes], Any] | None = None
        if _can_compile(signature):
            self._compile(signature)

    def read(self, body: bytes, limits: Limits = DEFAULT) -> Request:
        """Raises UsageError for what is not JSON, InputError for the first wrong value, with row and field."""
        found = self._read_ordinary(body, limits.body_rows) if len(body) <= ORDINARY else None
        return self.check(decode_rows(body, limits)) if found is None else found

    def check(self, rows: Sequence[Any]) -> Request:
        """Rows that were decoded already."""
        checked = self._checker.check(rows)
        values = list(zip(*checked.columns.values(), strict=True))
        return Request(rows, values, checked.entities, checked.times)

    def _read_ordinary(self, body: bytes, most: int = DEFAULT.body_rows) -> Request | None:
        """None where anything is out of the ordinary."""
        if self._one is None or self._many is None:
            return None
        try:
            if body[:1] != b"[":
                return self._read_one(self._one(body), body)
            sent = self._many(body)
            rows = [msgspec.structs.astuple(row) for row in sent]
            if not self._once(body, rows):
                return None
            times = [None] * len(rows) if self._time < 0 else [_time(row[self._time]) for row in rows]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InputError):
            return None
        if not 0 < len(rows) <= most:
            return None
        entities = [None] * len(rows) if self._entity < 0 else [_given(row[self._entity]) for row in rows]
        if rows[0][self._fields :]:
            rows = [row[: self._fields] for row in rows]
        return Request(sent, rows, entities, times)

    def _read_one(self, sent: Any, body: bytes) -> Request | None:
        """The usual request, without the loops of the general way."""
        row = msgspec.structs.astuple(sent)
        if not self._once(body, [row]):
            return None
        entity = None if self._entity < 0 else _given(row[self._entity])
        time = None if self._time < 0 else _time(row[self._time])
        if len(row) > self._fields:
            row = row[: self._fields]
        return Request([sent], [row], [entity], [time], body if len(body) <= SHORT else None)

    def _once(self, body: bytes, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Whether it can be told that no row has a field twice: the type keeps the last and says nothing."""
        keys = self._fields * len(rows)
        if rows and len(rows[0]) > self._fields:
            keys += sum(value is not UNSET for row in rows for value in row[self._fields :])
        return surely_once(body, keys, lambda: [row[place] for row in rows for place in self._texts])

    def _compile(self, signature: Signature) -> None:
        fields: list[Any] = [(field.name, _type_of(field)) for field in signature.fields]
        names = list(signature.names)
        for name, kind in ((signature.entity, _ENTITY), (signature.time, _TIME)):
            if name is not None and name not in names:
                fields.append((name, kind | UnsetType, UNSET))
                names.append(name)
        row = msgspec.defstruct(
            "Row",
            [(f"f{place}", *field[1:]) for place, field in enumerate(fields)],
            rename={f"f{place}": name for place, name in enumerate(names)},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._one = msgspec.json.Decoder(row).decode
        self._many = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]  # made just now
        fixed = {field.name for field in signature.fields if not _may_hold_colons(field)}
        self._texts = tuple(place for place, name in enumerate(names) if name not in fixed)
        self._entity = -1 if signature.entity is None else names.index(signature.entity)
        self._time = -1 if signature.time is None else names.index(signature.time)


class WideReader:
    """Reads requests to a champion whose challenger has fields of its own: those may be sent as well."""

    def __init__(self, champion: RowReader, champions: Signature, challengers: Signature) -> None:
        self._champion = champion
        self._more = _known(challengers) - _known(champions)

    def read(self, body: bytes, limits: Limits = DEFAULT) -> Request:
        """The champion's rows; `sent` has the challenger's fields too. Raises what the champion's reader does."""
        try:
            return self._champion.read(body, limits)
        except InputError:
            return self.check(decode_rows(body, limits))

    def check(self, rows: Sequence[Any]) -> Request:
        """Rows that were decoded already."""
        return self._champion.check([self._narrow(row) for row in rows])._replace(sent=rows)

    def _narrow(self, row: Any) -> Any:
        if row.__class__ is not dict or self._more.isdisjoint(row):
            return row
        return {name: value for name, value in row.items() if name not in self._more}


class OwnRows:
    """A champion's requests as its challenger takes them: the same rows, or its own fields out of what was sent."""

    def __init__(self, champion: Signature, challenger: Signature, reader: RowReader) -> None:
        self._same = champion.fields == challenger.fields
        self._known = _known(challenger)
        self._reader = reader

    def of(self, request: Request) -> Sequence[tuple[Any, ...]] | QuarterdeckError:
        """The rows, or what the challenger's reader says against them."""
        if self._same:
            return request.rows
        sent = [{name: value for name, value in as_object(row).items() if name in self._known} for row in request.sent]
        try:
            return self._reader.check(sent).rows
        except QuarterdeckError as error:
            return error


def _known(signature: Signature) -> set[str]:
    return {*signature.names, *(name for name in (signature.entity, signature.time) if name is not None)}


def as_object(sent: Any) -> dict[str, Any]:
    """A row as it was sent, by names."""
    found: dict[str, Any] = sent if isinstance(sent, dict) else msgspec.to_builtins(sent)
    return found


def _can_compile(signature: Signature) -> bool:
    """Not where a field can have no value at all, or the entity is a field of a kind that is no id."""
    kinds = {field.name: field.kind for field in signature.fields}
    entity_kind = kinds.get(signature.entity or "", FieldKind.STRING)
    no_id = entity_kind in (FieldKind.NUMBER, FieldKind.BOOLEAN)
    return not no_id and all(field.categories != () for field in signature.fields)


def _may_hold_colons(field: Field) -> bool:
    if field.kind is not FieldKind.STRING:
        return False
    return field.categories is None or any(":" in category for category in field.categories)


def _given(value: Any) -> Any:
    return None if value is UNSET else value


def _time(value: Any) -> datetime | None:
    return None if value is None or value is UNSET else check_time(value)


def _type_of(field: Field) -> Any:
    """What RowChecker lets pass, as a type."""
    kinds: dict[FieldKind, Callable[[Field], Any]] = {
        FieldKind.NUMBER: _number,
        FieldKind.INTEGER: _integer,
        FieldKind.STRING: _string,
        FieldKind.BOOLEAN: lambda _: bool,
    }
    found = kinds[field.kind](field)
    return found | None if field.nullable else found


def _number(field: Field) -> Any:
    low, high = allowed_range(field)
    least, most = (bound if math.isfinite(bound) else None for bound in (low, high))
    return Annotated[float, msgspec.Meta(ge=least, le=most)]


def _integer(field: Field) -> Any:
    low, high = allowed_range(field)
    least, most = -(2**63), 2**63 - 1
    least = max(least, math.ceil(low)) if math.isfinite(low) else least
    most = min(most, math.floor(high)) if math.isfinite(high) else most
    return Annotated[int, msgspec.Meta(ge=least, le=most)]


def _string(field: Field) -> Any:
    if field.categories is None:
        return Annotated[str, _LONGEST]
    return Literal[field.categories]
