"""A frame is counted as its columns' values are."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import build_profile, count
from quarterdeck.core.profile_frames import count_frame
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="x", kind=FieldKind.NUMBER),
        Field(name="n", kind=FieldKind.INTEGER),
        Field(name="s", kind=FieldKind.STRING),
        Field(name="b", kind=FieldKind.BOOLEAN),
    ),
    task=Task.BINARY, target="y",
)  # fmt: skip
PROFILE = build_profile(
    {
        "x": [float(n) for n in range(99)],
        "n": list(range(99)),
        "s": ["a", "b", "c"] * 33,
        "b": [True, False, None] * 33,
    },
    SIGNATURE,
)
SCHEMA = {"x": pl.Float64, "n": pl.Int64, "s": pl.String, "b": pl.Boolean}

rows = st.fixed_dictionaries(
    {
        "x": st.none() | st.floats(),
        "n": st.none() | st.integers(-200, 200),
        "s": st.none() | st.sampled_from(["a", "b", "z"]),
        "b": st.none() | st.booleans(),
    }
)


@given(st.lists(rows, max_size=30))
def test_a_frame_counts_as_its_lists_do(table: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(table, schema=SCHEMA)
    assert count_frame(PROFILE, frame) == count(PROFILE, {name: frame[name].to_list() for name in PROFILE.names})
    categorical = frame.with_columns(pl.col("s").cast(pl.Categorical))
    assert count_frame(PROFILE, categorical) == count_frame(PROFILE, frame)
