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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quarterdeck.core.errors import InputError
from quarterdeck.core.field_checks import (
    Check,
    check_entity,
    check_time,
    compile_check,
    found_value,
    nearest,
)
from quarterdeck.core.models.signature import Signature


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
        self._checks = [(field.name, compile_check(field)) for field in signature.fields]
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
            columns = {name: list(values) for name, values in zip(self._order, zip(*checked, strict=True), strict=True)}
        else:
            columns = {name: [] for name in self._order}
        return CheckedRows(
            columns=columns,
            entities=self._optional(rows, self._entity, check_entity),
            times=self._optional(rows, self._time, check_time),
            rows=len(rows),
        )

    def _check_row(self, row: Mapping[str, Any], index: int) -> list[Any]:
        if row.__class__ is not dict:
            raise InputError(f"expected an object, found {found_value(row)}", where=f"row {index}")
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
        except InputError as wrong:
            raise _located(wrong, index, name) from None
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
        near = nearest(name, missing) or nearest(name, self._order)
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
                except InputError as wrong:
                    raise _located(wrong, index, name) from None
        return values


def compile_checker(signature: Signature) -> RowChecker:
    """Make the checker of a signature, once; it may be used from many threads."""
    return RowChecker(signature)


def _located(error: InputError, index: int, name: str) -> InputError:
    return InputError(error.message, where=f"row {index}, field {name!r}", hint=error.hint)
