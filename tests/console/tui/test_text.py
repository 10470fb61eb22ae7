"""Cutting, wrapping and drawing lines of spans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from quarterdeck.console.tui.charts import bar, place, sparkline
from quarterdeck.console.tui.graph import lanes
from quarterdeck.console.tui.symbols import ASCII, UNICODE
from quarterdeck.console.tui.text import fit, line, plain, span, width_of, wrap

WORDS = st.text(alphabet="ab 数é", max_size=40)


@given(WORDS, WORDS, st.integers(0, 60))
def test_a_fitted_line_has_exactly_the_width(first: str, second: str, width: int) -> None:
    assert width_of(fit(line(span(first, "ok"), span(second)), width)) == width


@given(WORDS, WORDS, st.integers(3, 60), st.integers(0, 10))
def test_wrapping_keeps_every_word_and_the_width(first: str, second: str, width: int, indent: int) -> None:
    wrapped = wrap(line(span(first, "ok"), span(second)), width, indent=indent)
    assert all(cell_len(plain(part).rstrip()) <= width for part in wrapped)  # spaces at an end may stand over
    assert "".join(plain(part) for part in wrapped).replace(" ", "") == (first + second).replace(" ", "")


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert plain(fit(line("abcdefgh"), 5)) == "abcd…"


def test_a_sparkline_leaves_a_gap_where_a_value_is_missing() -> None:
    assert sparkline([0.0, None, 1.0, float("nan")], 8, UNICODE) == "▁ █ "
    assert sparkline([0.0, 1.0], 8, ASCII) == "_#"
    assert sparkline([None, None], 8, UNICODE) == ""
    assert sparkline([3.0, 3.0], 8, UNICODE) == "▄▄"


def test_a_sparkline_shows_the_last_values() -> None:
    assert len(sparkline(list(range(100)), 12, UNICODE)) == 12


def test_a_bar_is_cut_at_both_ends() -> None:
    assert (bar(-1, 4, ASCII), bar(0.5, 4, ASCII), bar(7, 4, ASCII)) == ("....", "##..", "####")


def test_places_under_each_other_are_a_curve() -> None:
    assert [place(value, 0.0, 1.0, 5, ASCII) for value in (0.0, 0.5, 1.0)] == ["*", "  *", "    *"]


def test_a_graph_of_steps_shows_who_takes_whose_result() -> None:
    steps = [
        ("a", ()), ("b", ()), ("c", ("a", "b")), ("d", ("c",)), ("e", ("c", "d")),
    ]  # fmt: skip
    drawn = lanes(steps, ASCII)
    assert [drawn[name][0] for name, _ in steps] == ["@", "| @", "@-'", "+-@", "@-'"]
    assert [drawn[name][1] for name, _ in steps] == [0, 1, 0, 1, 0]
