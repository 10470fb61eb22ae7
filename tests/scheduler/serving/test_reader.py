"""The fast reading of a body lets pass what RowChecker lets pass, and refuses with its words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quarterdeck.core.errors import InputError, UsageError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.limits import DEFAULT
from quarterdeck.scheduler.serving.reader import ORDINARY, OwnRows, RowReader, WideReader, as_object

SIGNATURE = Signature(
    fields=(
        Field(name="wind speed", kind=FieldKind.NUMBER, minimum=0.0, maximum=10.0),
        Field(name="free", kind=FieldKind.NUMBER, nullable=True),
        Field(name="hour", kind=FieldKind.INTEGER, minimum=0, maximum=23),
        Field(name="count", kind=FieldKind.INTEGER, nullable=True),
        Field(name="port", kind=FieldKind.STRING, categories=("JFK", "LGA"), minimum=None),
        Field(name="note", kind=FieldKind.STRING, nullable=True),
        Field(name="wet", kind=FieldKind.BOOLEAN, nullable=True),
    ),
    task=Task.REGRESSION,
    target="delay",
    entity="flight",
    time="at",
)
GOOD: dict[str, Any] = {
    "wind speed": 3.5, "free": None, "hour": 7, "count": 2, "port": "JFK", "note": "x", "wet": True,
}  # fmt: skip
READER = RowReader(SIGNATURE)


def outcome(read: Any, argument: Any) -> Any:
    try:
        request = read(argument)
    except (InputError, UsageError) as error:
        return (type(error), error.message, error.where, error.hint)
    return (list(request.rows), list(request.entities), list(request.times))


def is_ordinary(body: Any) -> bool:
    return READER._read_ordinary(json.dumps(body).encode()) is not None


numbers = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([-100.0, 110.0, 110.0001, -100, 230, -231, 253])
)
values = st.none() | st.booleans() | numbers | st.text(max_size=5) | st.sampled_from(["JFK", "LGA", "2026-01-01"])
rows = st.fixed_dictionaries(
    {name: values | st.just(value) for name, value in GOOD.items()},
    optional={"flight": values, "at": values, "delay": values},
)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(rows, min_size=1, max_size=2))
@example([GOOD | {"free": 1, "wind speed": 1}])
@example([GOOD | {"hour": 7.0}])
@example([GOOD | {"hour": 2**63}])
@example([GOOD | {"count": -(2**63)}])
@example([GOOD | {"note": "x" * 1_000}, GOOD | {"note": "x" * 1_001}])
@example([GOOD | {"flight": 2**63 - 1, "at": 0.5}])
@example([GOOD | {"flight": 1.0}])
@example([GOOD | {"at": "2026-13-01"}])
def test_both_ways_of_reading_agree(sent: list[dict[str, Any]]) -> None:
    body = json.dumps(sent)
    assert outcome(READER.read, body.encode()) == outcome(READER.check, json.loads(body))


@pytest.mark.parametrize("extra", [{}, {"flight": "UA1"}, {"flight": 7, "at": "2026-01-01T00:00:00Z"}, {"at": None}])
def test_an_ordinary_row_is_read_the_fast_way(extra: dict[str, Any]) -> None:
    assert is_ordinary(GOOD | extra)
    assert is_ordinary([GOOD | extra] * 3)


def test_rows_come_in_the_signatures_order_with_entity_and_time_apart() -> None:
    body = {"at": "2026-01-01T02:00:00+02:00", "flight": 7} | dict(reversed(GOOD.items()))
    request = READER.read(json.dumps(body).encode())
    assert request.rows == [tuple(GOOD.values())]
    assert request.entities == [7]
    assert request.times == [datetime(2026, 1, 1, tzinfo=UTC)]


def test_what_was_sent_is_kept_for_the_log_by_its_names() -> None:
    request = READER.read(json.dumps(GOOD | {"flight": 7}).encode())
    assert as_object(request.sent[0]) == GOOD | {"flight": 7}
    slow = READER.read(json.dumps({"rows": [GOOD]}).encode())
    assert as_object(slow.sent[0]) == GOOD


def test_a_large_body_and_an_envelope_are_read_as_well() -> None:
    count = ORDINARY // len(json.dumps(GOOD)) + 1
    for body in ([GOOD] * count, {"rows": [GOOD] * 2}):
        request = READER.read(json.dumps(body).encode())
        assert set(request.rows) == {tuple(GOOD.values())}


def test_too_many_rows_are_refused_though_each_is_right() -> None:
    reader = RowReader(Signature(fields=(Field(name="a", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y"))
    assert (
        len(reader.read(b'[{"a":1}' + b',{"a":1}' * (DEFAULT.body_rows // 2) + b"]").rows) == DEFAULT.body_rows // 2 + 1
    )
    with pytest.raises(InputError, match="more than 10,000"):
        reader.read(b'[{"a":1}' + b',{"a":1}' * DEFAULT.body_rows + b"]")


@pytest.mark.parametrize(
    "signature",
    [
        Signature(fields=(Field(name="a", kind=FieldKind.STRING, categories=()),), task=Task.REGRESSION, target="y"),
        Signature(fields=(Field(name="a", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y", entity="a"),
    ],
)
def test_a_signature_that_no_type_says_is_read_by_the_checker(signature: Signature) -> None:
    reader = RowReader(signature)
    for value in (1.5, "x", None):
        body = [{"a": value}]
        assert outcome(reader.read, json.dumps(body).encode()) == outcome(reader.check, body)


def test_an_entity_that_is_a_field_is_both() -> None:
    signature = Signature(
        fields=(Field(name="ship", kind=FieldKind.INTEGER), Field(name="a", kind=FieldKind.NUMBER)),
        task=Task.REGRESSION,
        target="y",
        entity="ship",
    )
    request = RowReader(signature).read(b'{"a": 1.0, "ship": 7}')
    assert (request.rows, request.entities) == ([(7, 1.0)], [7])


SMALL = Signature(fields=SIGNATURE.fields[:1], task=Task.REGRESSION, target="delay", entity="flight")
SMALL_READER = RowReader(SMALL)
WIDE = WideReader(SMALL_READER, SMALL, SIGNATURE)


@pytest.mark.parametrize("several", [False, True])
def test_a_champions_reader_lets_its_challengers_fields_pass(several: bool) -> None:
    sent = {**GOOD, "flight": "AA 1"}
    request = WIDE.read(json.dumps([sent, sent] if several else sent).encode())
    assert request.rows == [(3.5,)] * (1 + several)
    assert request.entities == ["AA 1"] * (1 + several)
    assert OwnRows(SMALL, SIGNATURE, READER).of(request) == [(3.5, None, 7, 2, "JFK", "x", True)] * (1 + several)


def test_a_row_without_the_challengers_fields_is_the_champions_alone() -> None:
    request = WIDE.read(b'{"wind speed": 3.5}')
    assert request.rows == [(3.5,)]
    refused = OwnRows(SMALL, SIGNATURE, READER).of(request)
    assert isinstance(refused, InputError)
    assert "free" in str(refused)


@pytest.mark.parametrize(
    "body", [b'{"wind speed": 3.5, "wnd": 1}', b'{"hour": 7}', b"[3]", b'{"wind speed": 1e9, "hour": 1}']
)
def test_what_neither_knows_or_the_champion_lacks_is_refused_with_the_champions_words(body: bytes) -> None:
    with pytest.raises(InputError) as wide:
        WIDE.read(body)
    narrow = [{k: v for k, v in row.items() if k != "hour"} if isinstance(row, dict) else row for row in rows_of(body)]
    with pytest.raises(InputError) as own:
        SMALL_READER.check(narrow)
    assert str(wide.value) == str(own.value)


def rows_of(body: bytes) -> list[Any]:
    data = json.loads(body)
    return data if isinstance(data, list) else [data]


def test_a_part_of_a_request_has_its_rows_entities_and_times() -> None:
    rows = [{**GOOD, "hour": hour, "flight": f"AA {hour}"} for hour in range(4)]
    part = READER.read(json.dumps(rows).encode()).part([3, 1])
    assert [row[2] for row in part.rows] == [3, 1]
    assert list(part.entities) == ["AA 3", "AA 1"]
    assert [as_object(row)["hour"] for row in part.sent] == [3, 1]
    assert list(part.times) == [None, None]
