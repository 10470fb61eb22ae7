"""A key that is there twice in one object is refused; nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import InputError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.protocols import decode
from quarterdeck.scheduler.serving.reader import RowReader

SIGNATURE = Signature(
    fields=(
        Field(name="a", kind=FieldKind.NUMBER),
        Field(name="b:c", kind=FieldKind.STRING, nullable=True),
    ),
    task=Task.REGRESSION,
    target="y",
    entity="ship",
    time="at",
)
PLAIN = Signature(
    fields=(Field(name="a", kind=FieldKind.NUMBER), Field(name="b", kind=FieldKind.STRING)),
    task=Task.REGRESSION,
    target="y",
    entity="ship",
    time="at",
)
TWICE = [
    b'{"a": 1, "b": "x", "a": 2}',
    b'{"a": 1, "b": "x", "b": "y"}',
    b'{"a": 1, "b": "x:y", "a": 2}',
    b'{"a": 1, "b": "\\u003a", "a": 2}',
    b'{"a": 1, "b": "x", "\\u0061": 2}',
    b'{"a": 1, "b": "x", "ship": "z", "ship": null}',
    b'{"a": 1, "b": "x", "at": "2026-01-01T00:00:00Z", "a": 1}',
    b'[{"a": 1, "b": "x"}, {"a": 1, "a": 1, "b": "x"}]',
    b'{"rows": [{"a": 1, "a": 1, "b": "x"}]}',
    b'{"rows": [], "rows": [{"a": 1, "b": "x"}]}',
]
ONCE = [
    b'{"a": 1, "b": "x"}',
    b'{"a": 1, "b": "x:y"}',
    b'{"a": 1, "b": "a\\u003a:"}',
    b'{"\\u0061": 1, "b": "x"}',
    b'{"a": 1, "b": "x", "ship": null, "at": null}',
    b'{"a": 1, "b": "\\"a\\": 1", "ship": "x:y", "at": "2026-01-01T00:00:00Z"}',
    b'[{"a": 1, "b": "x"}, {"a": 1, "b": "y"}]',
    b'{"rows": [{"a": 1, "b": "x"}]}',
]


@pytest.mark.parametrize("body", TWICE)
def test_a_field_that_is_there_twice_is_refused_by_its_name(body: bytes) -> None:
    with pytest.raises(InputError, match="there twice") as caught:
        RowReader(PLAIN).read(body)
    assert caught.value.where in ("field 'a'", "field 'b'", "field 'ship'", "field 'rows'")


@pytest.mark.parametrize("body", ONCE)
def test_a_field_that_is_there_once_is_read(body: bytes) -> None:
    assert [row[0] for row in RowReader(PLAIN).read(body).rows] == [1.0] * max(1, body.count(b'"b"') - (b'\\"' in body))


def test_a_name_with_a_colon_is_no_repeat() -> None:
    body = b'{"a": 1, "b:c": "x"}'
    assert RowReader(SIGNATURE).read(body).rows == [(1.0, "x")]
    with pytest.raises(InputError, match="there twice"):
        RowReader(SIGNATURE).read(b'{"a": 1, "b:c": "x", "b:c": "y"}')


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_what_has_no_repeat_is_never_refused(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    try:
        body = text.encode()
    except UnicodeEncodeError:  # half of a pair
        return
    assert decode(body) == json.loads(body) or value != value


@given(st.dictionaries(st.text('ab:\\"u', max_size=3), st.text('ab:\\"', max_size=5), min_size=1), st.data())
def test_a_repeat_is_always_found(row: dict[str, str], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(sorted(row)))
    pairs = [*row.items(), (again, data.draw(st.text('ab:\\"', max_size=5)))]
    body = "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs) + "}"
    with pytest.raises(InputError, match="there twice") as caught:
        decode(body.encode())
    assert caught.value.where == f"field {again!r}"
