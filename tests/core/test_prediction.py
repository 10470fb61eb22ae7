"""Rows are checked before a model sees them, and a refusal names row, field, what was found and what is
right.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import InputError
from quarterdeck.core.field_checks import LONGEST_STRING, allowed_range, check_time
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.prediction import CheckedRows, compile_checker
from quarterdeck.core.values import Task

FIELDS = (
    Field(name="distance", kind=FieldKind.NUMBER, minimum=100.0, maximum=5_000.0),
    Field(name="visibility", kind=FieldKind.NUMBER, minimum=0.0, maximum=10.0, nullable=True),
    Field(name="seats", kind=FieldKind.INTEGER, minimum=2, maximum=450),
    Field(name="carrier", kind=FieldKind.STRING, categories=("AA", "UA", "DL", "B6", "WN", "EV")),
    Field(name="tail", kind=FieldKind.STRING, nullable=True),
    Field(name="holiday", kind=FieldKind.BOOLEAN),
)
SIGNATURE = Signature(
    fields=FIELDS, task=Task.BINARY, target="late", entity="flight_id", time="scheduled", classes=(0, 1)
)
CHECKER = compile_checker(SIGNATURE)
ROW: dict[str, Any] = {
    "distance": 1_400.5,
    "visibility": None,
    "seats": 180,
    "carrier": "UA",
    "tail": "N14228",
    "holiday": False,
}


def check(*rows: Any) -> CheckedRows:
    return CHECKER.check(list(rows))


def refusal(*rows: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        check(*rows)
    return caught.value


def test_right_rows_come_back_as_columns_in_the_signatures_order() -> None:
    checked = check(ROW, dict(reversed(ROW.items())) | {"seats": 90.0, "distance": 200})
    assert list(checked.columns) == list(SIGNATURE.names)
    assert checked.columns["seats"] == [180, 90]
    assert [type(value) for value in checked.columns["seats"]] == [int, int]
    assert checked.columns["distance"] == [1_400.5, 200.0]
    assert [type(value) for value in checked.columns["distance"]] == [float, float]
    assert checked.columns["visibility"] == [None, None]
    assert (checked.entities, checked.times, checked.rows) == ([None, None], [None, None], 2)


def test_no_rows_give_empty_columns() -> None:
    assert check() == CheckedRows(columns={name: [] for name in SIGNATURE.names}, entities=[], times=[], rows=0)


def test_entity_and_time_come_along_when_they_are_sent() -> None:
    checked = check(
        ROW | {"flight_id": "UA1", "scheduled": "2013-05-01T12:00:00+02:00"},
        ROW | {"flight_id": 7},
        ROW | {"scheduled": None},
    )
    assert checked.entities == ["UA1", 7, None]
    assert checked.times == [datetime(2013, 5, 1, 10, tzinfo=UTC), None, None]


@pytest.mark.parametrize(
    "sent", ["2013-05-01T10:00:00Z", "2013-05-01T10:00:00", "2013-05-01 10:00", 1367402400, 1367402400.0]
)
def test_a_time_is_iso_text_or_seconds_and_utc_unless_it_says_otherwise(sent: Any) -> None:
    assert check(ROW | {"scheduled": sent}).times == [datetime(2013, 5, 1, 10, tzinfo=UTC)]
    assert check(ROW | {"scheduled": sent}).times[0].tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "field", "message", "hint"),
    [
        ({"distance": "1400"}, "distance", "expected a number, found '1400'", "without quotes"),
        ({"distance": True}, "distance", "expected a number, found true", None),
        ({"distance": None}, "distance", "expected a number, found null", "no row without"),
        ({"distance": math.nan}, "distance", "expected a number, found nan", None),
        ({"visibility": math.nan}, "visibility", "found nan", "send null"),
        ({"distance": -math.inf}, "distance", "expected a number, found -inf", None),
        ({"distance": 1e6}, "distance", "between -48900 and 54000 is allowed", "training saw 100 to 5000"),
        ({"distance": [1]}, "distance", "found a list", None),
        ({"visibility": {}}, "visibility", "expected a number or null, found an object", None),
        ({"seats": 1.5}, "seats", "expected a whole number, found 1.5", None),
        ({"seats": False}, "seats", "expected a whole number, found false", None),
        ({"seats": 10_000}, "seats", "10000 is out of range", "2 to 450"),
        ({"seats": 10**400}, "seats", "more than 20 digits is out of range", None),
        ({"carrier": "U A"}, "carrier", "'U A' is a category that training did not see", "did you mean 'UA'"),
        ({"carrier": "??"}, "carrier", "did not see", "training saw 'AA', 'UA', 'DL', 'B6', 'WN' and 1 more"),
        ({"carrier": 3}, "carrier", "expected a string, found 3", None),
        ({"carrier": None}, "carrier", "expected a string, found null", None),
        ({"tail": "x" * 1_001}, "tail", "at most 1,000 characters, found 1,001", None),
        ({"holiday": 1}, "holiday", "expected true or false, found 1", None),
        ({"holiday": "true"}, "holiday", "expected true or false, found 'true'", None),
        ({"distanse": 5}, "distanse", "no such field", "did you mean 'distance'?"),
        ({"zzz": 5}, "zzz", "no such field", "the fields are distance, visibility"),
        ({"late": 1}, "late", "what the model predicts", "leave it out"),
        ({"flight_id": 1.5}, "flight_id", "expected an id", None),
        ({"flight_id": True}, "flight_id", "expected an id", None),
        ({"scheduled": "yesterday"}, "scheduled", "ISO 8601", None),
        ({"scheduled": 1367402400000}, "scheduled", "seconds since 1970", "milliseconds"),
        ({"scheduled": math.nan}, "scheduled", "seconds since 1970", None),
        ({"scheduled": True}, "scheduled", "found true", None),
    ],
)
def test_a_wrong_value_is_refused_with_row_field_and_what_was_expected(
    changes: dict[str, Any], field: str, message: str, hint: str | None
) -> None:
    error = refusal(ROW, ROW | changes)
    assert error.where == f"row 1, field {field!r}"
    assert message in error.message
    assert hint is None or hint in str(error.hint)


def test_a_missing_field_is_refused_also_where_null_is_allowed() -> None:
    for name in ROW:
        error = refusal({key: value for key, value in ROW.items() if key != name})
        assert (error.where, error.message) == (f"row 0, field {name!r}", "the field is missing")
    assert refusal({key: ROW[key] for key in ROW if key != "tail"}).hint == "send null where it has no value"


def test_a_misspelt_field_is_told_the_one_it_stands_for() -> None:
    row = {key: value for key, value in ROW.items() if key != "tail"} | {"tali": "N1"}
    assert refusal(row).hint == "did you mean 'tail'?"


@pytest.mark.parametrize(("row", "found"), [([1], "a list"), ("x", "'x'"), (None, "null"), (3, "3")])
def test_what_is_no_object_is_no_row(row: Any, found: str) -> None:
    assert refusal(ROW, row).message == f"expected an object, found {found}"


def test_null_is_taken_where_training_saw_it_only() -> None:
    assert check(ROW | {"visibility": None, "tail": None}).columns["tail"] == [None]
    assert "found null" in refusal(ROW | {"seats": None}).message


def test_any_string_is_taken_where_training_saw_too_many_to_list() -> None:
    assert check(ROW | {"tail": "x" * LONGEST_STRING}).columns["tail"] == ["x" * LONGEST_STRING]


@pytest.mark.parametrize(
    ("minimum", "maximum", "allowed"),
    [
        (0.0, 10.0, (-100.0, 110.0)),
        (5.0, 5.0, (-45.0, 55.0)),
        (0.0, 0.0, (-10.0, 10.0)),
        (-7.0, -7.0, (-77.0, 63.0)),
        (None, None, (-math.inf, math.inf)),
    ],
)
def test_numbers_may_leave_the_training_range_by_ten_widths(
    minimum: float | None, maximum: float | None, allowed: tuple[float, float]
) -> None:
    assert allowed_range(Field(name="x", kind=FieldKind.NUMBER, minimum=minimum, maximum=maximum)) == allowed


def test_without_a_range_a_number_is_still_a_finite_64_bit_one() -> None:
    fields = (Field(name="x", kind=FieldKind.NUMBER), Field(name="i", kind=FieldKind.INTEGER))
    checker = compile_checker(Signature(fields=fields, task=Task.REGRESSION, target="y"))
    assert checker.check([{"x": 1e308, "i": 2**63 - 1}]).columns == {"x": [1e308], "i": [2**63 - 1]}
    for row in (
        {"x": math.inf, "i": 1},
        {"x": 10**400, "i": 1},
        {"x": 1.0, "i": 2**63},
        {"x": 1.0, "i": 1e300},
    ):
        with pytest.raises(InputError):
            checker.check([row])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("UA"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.fixed_dictionaries({name: anything for name in ROW}, optional={"flight_id": anything, "scheduled": anything}))
def test_whatever_is_sent_it_is_refused_or_comes_out_as_the_signature_says(row: dict[str, Any]) -> None:
    try:
        columns = check(row).columns
    except InputError as error:
        assert error.where is not None
        assert error.where.startswith("row 0, field ")
        return
    values: dict[str, Any] = {name: column[0] for name, column in columns.items()}
    for field in FIELDS:
        value: Any = values[field.name]
        if value is None:
            assert field.nullable
            continue
        kinds = {"number": "float", "integer": "int", "string": "str", "boolean": "bool"}
        assert type(value).__name__ == kinds[field.kind]
        if field.minimum is not None:
            low, high = allowed_range(field)
            assert low <= value <= high
        assert field.categories is None or value in field.categories


@given(st.lists(st.floats(-48_900, 54_000), min_size=1, max_size=20))
def test_rows_checked_together_are_the_rows_checked_alone(distances: list[float]) -> None:
    rows = [json.loads(json.dumps(ROW | {"distance": value})) for value in distances]
    together = check(*rows)
    assert together.columns["distance"] == [check(row).columns["distance"][0] for row in rows] == distances


@pytest.mark.parametrize("sent", ["9999-12-31T23:59:59Z", "3000-01-01", 32_503_680_000])
def test_a_time_that_no_window_can_hold_is_refused(sent: Any) -> None:
    with pytest.raises(InputError, match="before 3000"):
        check_time(sent)
