"""The filter behind `/`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.console.tui.filters import parse_filter

ROW = {"model": "flights", "state": "★ champion", "value": "0.7410", "rate": "12k/s", "at": "12:30:01"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("FLI", True),
        ("fuel", False),
        ("!fuel", True),
        ("state:champ", True),
        ("state:champ model:fuel", False),
        ("!state:champ", False),
        ("value:>0.7", True),
        ("value:<0.7", False),
        ("rate:>11000", True),
        ("model:>3", False),
        ("12:30", True),
        ("nosuch:champion", False),
        ("!", True),
        ("state:", True),
    ],
)
def test_a_filter_keeps_the_rows_that_hold_every_word(text: str, holds: bool) -> None:
    assert parse_filter(text).holds(ROW) is holds


@given(st.text(max_size=60))
def test_any_text_is_a_filter(text: str) -> None:
    assert parse_filter(text).holds(ROW) in (True, False)
