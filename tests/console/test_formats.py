"""How the console writes things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.console import formats

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_text_that_could_draw_on_the_terminal_becomes_dots() -> None:
    assert formats.clean("a\x1b[31mb\nc\u202ed") == "a·[31mb·c·d"
    assert formats.clean("größer 数") == "größer 数"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<1m"),
        (59, "<1m"),
        (60, "1m"),
        (3_599, "59m"),
        (3_600, "1h"),
        (90_000, "1d"),
        (86_400 * 90, "12w"),
    ],
)
def test_an_age_is_coarse(seconds: int, shown: str) -> None:
    assert formats.age(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, "-"), (0, "0"), (9_999, "9999"), (12_345, "12k"), (999_999, "1000k"), (1_234_567, "1.2M")],
)
def test_a_count_is_short(number: int | None, shown: str) -> None:
    assert formats.count(number) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.941, "0.9410"), (212.44, "212.4"), (18_210.0, "18,210"), (0.0, "0.0000"),
     (1e-6, "1.0e-06"), (float("nan"), "nan"), (9.99999, "10.00")],
)  # fmt: skip
def test_a_number_has_four_digits(value: float | None, shown: str) -> None:
    assert formats.number(value) == shown


def test_a_time_of_today_is_without_its_date() -> None:
    assert formats.clock(NOW - timedelta(hours=2), NOW) == "10:00:00"
    assert formats.clock(NOW - timedelta(days=2), NOW) == "02-27 12:00"


def test_what_is_due_says_so() -> None:
    assert formats.until(NOW - timedelta(seconds=1), NOW) == "due"
    assert formats.until(NOW + timedelta(hours=3, minutes=5), NOW) == "in 3h"
    assert formats.until(None, NOW) == "-"


@pytest.mark.parametrize(
    ("found", "said"), [(0, "0 problems"), (1, "1 problem"), (2, "2 problems"), (1_200, "1,200 problems")]
)
def test_one_is_not_many(found: int, said: str) -> None:
    assert formats.counted(found, "problem") == said
    assert formats.counted(1, "entry", "entries") == "1 entry"
