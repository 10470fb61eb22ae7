"""Results as bytes and back: the same value, the same bytes, and nothing that cannot be kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.linear_model import LinearRegression

from quarterdeck.core.errors import IntegrityError, StepError
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode, encode, put_value


@pytest.fixture
def back(tmp_path: Path) -> Callable[[Any], Any]:
    """A value after it was kept and loaded."""
    artifacts = ArtifactStore(tmp_path)

    def through(value: Any) -> Any:
        encoded = put_value(artifacts, value, step="work")
        return decode(artifacts.get(encoded.sha256), artifacts.get)

    return through


FRAME = pl.DataFrame(
    {
        "a": [1, None],
        "b": [0.5, None],
        "c": ["x", None],
        "d": [True, None],
        "at": [datetime(2024, 1, 1, tzinfo=UTC), None],
        "list": [[1.0], None],
    }
)


def model() -> FittedModel:
    return FittedModel(
        estimator=LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]),
        signature=Signature(
            fields=(Field(name="a", kind=FieldKind.NUMBER, minimum=0.0, maximum=1.0),),
            task=Task.REGRESSION,
            target="y",
        ),
        reference=pl.DataFrame({"a": [0.0, math.nan]}),
        trained_from=datetime(2024, 1, 1, tzinfo=UTC),
        trained_to=None,
        rows=2,
    )


def test_polars_frames_come_back_with_types_and_nulls(back: Any) -> None:
    assert_frame_equal(back(FRAME), FRAME)
    assert_frame_equal(back(FRAME[:0]), FRAME[:0])


def test_pandas_frames_come_back_as_pandas_and_nan_as_missing(back: Any) -> None:
    frame = pd.DataFrame({"a": [1.0, math.nan], "b": ["x", None]}, index=[7, 9])
    found = back(frame)
    assert isinstance(found, pd.DataFrame)
    assert found["a"].isna().tolist() == [False, True]
    assert found["b"].isna().tolist() == [False, True]
    assert list(found.index) == [0, 1]


def test_a_named_index_of_pandas_becomes_a_column(back: Any) -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["t1"], name="trip"))
    assert back(frame).columns.tolist() == ["trip", "a"]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array(3),
        np.array([], dtype=np.int8),
        np.array(["a", "ł"]),
        np.array([True]),
        np.array(["2024-01-01"], dtype="datetime64[D]"),
    ],
    ids=["matrix", "transposed", "no dimension", "empty", "text", "boolean", "dates"],
)
def test_arrays_come_back_with_shape_and_type(back: Any, array: Any) -> None:
    found = back(array)
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(found, array)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=json_values)
def test_every_json_value_comes_back_as_it_was(value: Any) -> None:
    try:
        encoded = encode(value, step="work")
    except StepError as error:
        assert "surrogates" in error.message
        return
    found = decode(encoded.data, lambda sha256: b"")
    assert found == value
    assert json.dumps(found) == json.dumps(value)
    assert encoded.children == ()


def test_numpy_numbers_come_back_as_numbers_of_python(back: Any) -> None:
    found = back({"n": np.int64(3), "x": np.float64(0.5)})
    assert found == {"n": 3, "x": 0.5}
    assert back(np.float32(0.5)) == 0.5


def test_dicts_and_tuples_of_anything_come_back(back: Any) -> None:
    found = back({"train": FRAME, "pair": (np.arange(2), {"deep": (1, FRAME)}), "empty": ()})
    assert_frame_equal(found["train"], FRAME)
    assert isinstance(found["pair"], tuple)
    assert found["pair"][1]["deep"][0] == 1
    assert found["empty"] == ()


def test_estimators_and_fitted_models_come_back_and_answer_the_same(back: Any) -> None:
    assert back(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])).predict([[5.0]]) == pytest.approx([10.0])
    found = back(model())
    assert found.signature == model().signature
    assert (found.trained_from, found.trained_to, found.rows) == (model().trained_from, None, 2)
    assert found.reference["a"].to_list() == [0.0, None]
    assert found.estimator.predict([[5.0]]) == pytest.approx([10.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: FRAME.clone(),
        lambda: pd.DataFrame({"a": [1.0, math.nan], "b": ["x", "y"]}),
        lambda: np.arange(5.0),
        lambda: {"a": [1, {"b": None}]},
        lambda: (FRAME, {"x": np.ones(2)}),
        model,
    ],
    ids=["polars", "pandas", "array", "json", "bundle", "model"],
)
def test_equal_content_gives_equal_bytes(make: Callable[[], Any]) -> None:
    one, other = encode(make(), step="a"), encode(make(), step="b")
    assert [part.data for part in one.parts()] == [part.data for part in other.parts()]


def test_a_frame_in_pieces_gives_the_bytes_of_the_whole() -> None:
    pieces = pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)
    assert pieces.n_chunks() == 2
    assert encode(pieces, step="a").sha256 == encode(FRAME, step="a").sha256


def test_other_content_gives_other_bytes_even_where_only_the_type_differs() -> None:
    values = [FRAME, FRAME.to_pandas(), [1], (1,), {"a": 1}, 1, 1.5, "1", None, np.array([1])]
    assert len({encode(value, step="a").sha256 for value in values}) == len(values)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            pl.DataFrame({"a": [1.0], "rate": [math.nan]}),
            r"Column 'rate' holds NaN or infinity in 1 of 1 rows",
        ),
        (
            pl.DataFrame({"rate": [None, math.inf, -math.inf]}),
            r"Column 'rate' holds NaN or infinity in 2 of 3 rows",
        ),
        (pl.DataFrame({"rate": [[1.0, math.inf], None]}), "Column 'rate' holds NaN or infinity"),
        (pl.DataFrame({"rate": [{"x": math.nan}]}), "Column 'rate' holds NaN or infinity"),
        (pd.DataFrame({"rate": [1.0, math.inf]}), r"Column 'rate' holds NaN or infinity in 1 of 2 rows"),
        (np.array([[1.0, math.nan], [math.inf, 0]]), "NaN or infinity 2 times in 4 numbers"),
        (np.array([complex(0, math.inf)]), "NaN or infinity 1 times"),
        ({"a": [1, {"b": math.nan}]}, "the number nan"),
        ({"frame": FRAME, "rate": -math.inf}, "the number -inf"),
        (np.float64("nan"), "the number nan"),
    ],
)
def test_nan_and_infinity_are_refused_with_their_place(value: Any, message: str) -> None:
    with pytest.raises(StepError, match=message) as caught:
        encode(value, step="features")
    assert caught.value.where == "step features"
    assert "null" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (object(), "returned a object", "a polars or pandas frame"),
        ({1, 2}, "returned a set", "return a"),
        (FRAME.lazy(), r"returned a polars\..*LazyFrame", r"call \.collect\(\)"),
        (pd.Series([1]), r"returned a pandas\..*Series", r"call \.to_frame\(\)"),
        (datetime(2024, 1, 1, tzinfo=UTC), r"returned a datetime\.datetime", r"\.isoformat\(\)"),
        ({"deep": (1, {2})}, "returned a set", "return a"),
        ({1: "x"}, "key 1, which is not text", r"str\(key\)"),
        (np.array([object()]), "Python objects", "dtype"),
        (pd.DataFrame({0: [1]}), "called 0, which is not text", "rename"),
        (pd.DataFrame({"a": [1, "x"]}), "cannot be kept", "one type"),
        (lambda: 1, "returned a function", "return a"),
    ],
)
def test_other_types_are_refused_with_the_step_the_type_and_what_can_be_returned(
    value: Any, message: str, hint: str
) -> None:
    with pytest.raises(StepError, match=message) as caught:
        encode(value, step="features")
    assert caught.value.where == "step features"
    assert re.search(hint, str(caught.value.hint))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1 nothing",
        b"\x93NUMPY\x01\x00",
        b"PK\x03\x04",
        b"{}",
        b"[1]",
        b'{"model": {}}',
        b"\x80\x04.",
    ],
)
def test_other_bytes_are_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        decode(data, lambda sha256: b"")


def test_an_array_that_holds_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(IntegrityError, match="allow_pickle"):
        decode((tmp_path / "a.npy").read_bytes(), lambda sha256: b"")


def test_parts_are_kept_before_what_names_them(tmp_path: Path) -> None:
    order: list[bytes] = []

    class Noting:
        def put(self, data: bytes) -> None:
            order.append(data)

    encoded = put_value(Noting(), {"a": (FRAME, 1)}, step="work")
    assert order[-1] == encoded.data
    assert [part.kind for part in encoded.parts()] == ["polars", "json", "bundle", "bundle"]
