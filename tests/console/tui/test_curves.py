"""Curves in braille and in ASCII."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.console.tui.curves import Curve, curves, scale_of
from quarterdeck.console.tui.symbols import ASCII, UNICODE
from quarterdeck.console.tui.text import Line, plain, width_of


def _shown(lines: list[Line]) -> list[str]:
    return [plain(parts) for parts in lines]


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = _shown(curves([Curve(values=[0.0, 1.0], tone="info")], 2, 2, UNICODE))
    assert [lines[0][0], lines[1][1]] == [" ", " "]
    assert all("\u2800" < char <= "\u28ff" for char in (lines[0][1], lines[1][0]))


def test_a_level_line_has_the_band_under_it() -> None:
    lines = _shown(curves([Curve(values=[1.0, 1.0], tone="info")], 4, 3, ASCII, band=(0.0, 2.0)))
    assert lines == ["----", "****", "----"]


def test_a_missing_value_leaves_a_gap() -> None:
    lines = _shown(curves([Curve(values=[1.0, None, 1.0], tone="info")], 5, 1, ASCII))
    assert lines == ["*   *"]


def test_nothing_known_draws_nothing() -> None:
    assert _shown(curves([Curve(values=[None, float("nan")], tone="info")], 4, 2, UNICODE)) == ["", ""]
    assert scale_of([Curve(values=[None], tone="")], (0.0, 1.0)) is None


def test_the_first_curve_is_on_top() -> None:
    first, second = Curve(values=[1.0], tone="ok", mark="*"), Curve(values=[1.0], tone="bad", mark="o")
    ((text, tone), *_) = curves([first, second], 1, 1, ASCII)[0]
    assert (text, tone) == ("*", "ok")


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=40),
    st.integers(1, 30),
    st.integers(1, 8),
    st.booleans(),
)
def test_every_picture_is_as_large_as_was_asked(
    values: list[float | None], width: int, height: int, plain_: bool
) -> None:
    lines = curves([Curve(values=values, tone="info")], width, height, ASCII if plain_ else UNICODE, band=(None, 0.0))
    assert len(lines) == height
    some = any(value is not None for value in values)
    assert {width_of(parts) for parts in lines} == {width if some else 0}
