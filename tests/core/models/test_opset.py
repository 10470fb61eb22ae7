"""The opset is read off an ONNX file's bytes, without the package that wrote it."""

from __future__ import annotations

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from quarterdeck.core.models.opset import onnx_opset


def _model(*opsets: tuple[str, int]) -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [value])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid(*item) for item in opsets])
    return model.SerializeToString()


@pytest.mark.parametrize("version", [1, 15, 21, 200])
def test_the_version_of_onnxs_own_operators_is_found_beside_others(version: int) -> None:
    assert onnx_opset(_model(("ai.onnx.ml", 3), ("", version))) == version


def test_a_model_without_onnxs_own_operators_has_none() -> None:
    assert onnx_opset(_model(("ai.onnx.ml", 3))) is None


@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_have_an_opset_or_none_and_never_an_error(data: bytes) -> None:
    found = onnx_opset(data)
    assert found is None or found >= 0


@given(st.integers(0, 200))
def test_a_file_that_was_cut_off_is_no_error(length: int) -> None:
    whole = _model(("", 15))
    assert onnx_opset(whole[:length]) in (15, None)
