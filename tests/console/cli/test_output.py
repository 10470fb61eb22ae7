"""How values become JSON and text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from quarterdeck.console.cli.output import clean, jsonable, print_table, text_of
from quarterdeck.core.values import Alias


def test_json_has_utc_times_and_no_words_that_json_lacks() -> None:
    at = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    value = {
        "at": at,
        "x": float("nan"),
        "y": float("inf"),
        Alias.CHAMPION: (1, True, None),
        "d": timedelta(minutes=2),
    }
    assert jsonable(value) == {
        "at": "2026-03-01T12:00:00.000000Z", "x": None, "y": None, "champion": [1, True, None], "d": 120.0,
    }  # fmt: skip


def test_no_text_steers_the_terminal() -> None:
    assert clean("a\x1b[31mb\r\u202ec") == "a\\x1b[31mb\\r\\u202ec"
    assert clean("one\ntwo\tthree") == "one two three"
    assert clean("one\ntwo", lines=True) == "one\ntwo"
    assert clean("Zürich 東京") == "Zürich 東京"


def test_cells_say_what_is_missing_and_what_is_true() -> None:
    assert [text_of(cell) for cell in (None, "", True, False, 0, Alias.CHAMPION)] == [
        "-",
        "-",
        "yes",
        "no",
        "0",
        "champion",
    ]
    assert text_of(datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) == "2026-03-01 12:00:00Z"


def test_numbers_stand_to_the_right_and_an_empty_table_says_what_to_do(capsys) -> None:
    print_table(("name", "n"), [("a", 1), ("b", 100)], empty="none")
    assert capsys.readouterr().out == "NAME    N\na       1\nb     100\n"
    print_table(("name",), [], empty="none yet: do this")
    assert capsys.readouterr().out == "none yet: do this\n"
