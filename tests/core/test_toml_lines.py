"""Where the keys of a TOML file stand."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import ManifestError, NotFoundError
from quarterdeck.core.toml_lines import KeyPath, parse_toml, read_toml

DOCUMENT = '''\
title = "one"          # line 1
"quoted key" = 1
a.b.'c d' = [          # line 3
  "[not a table]",     # = neither is this
  { x = 1, y = "]" },
]
[server]               # line 7
text = """
[fake]
key = 1
three quotes: \\"\\"\\" and two at the end"""""
after = true           # line 12
when = 1979-05-27 07:32:00 # a blank inside
later = 1

[[gates]]              # line 16
metric = "a"
[[gates]]
  metric = "b"         # line 19
  inline = { min = 1, deep = { max = 2 } }
  [gates.extra]        # line 21
  key = 1
[[gates.parts]]
n = 1
[[ "gates" . parts ]]  # line 25
n = 2
[steps.model]          # line 27
literal = \'\'\'
it's ] [ " """
\'\'\'
with.estimator = \'C:\\\'
empty = ""
last = 0x1F
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 1),
        (("quoted key",), 2),
        (("a",), 3),
        (("a", "b", "c d"), 3),
        (("server",), 7),
        (("server", "text"), 8),
        (("server", "after"), 12),
        (("server", "when"), 13),
        (("server", "later"), 14),
        (("gates",), 16),
        (("gates", 0), 16),
        (("gates", 0, "metric"), 17),
        (("gates", 1), 18),
        (("gates", 1, "metric"), 19),
        (("gates", 1, "inline", "deep", "max"), 20),
        (("gates", 1, "extra"), 21),
        (("gates", 1, "extra", "key"), 22),
        (("gates", 1, "parts", 0, "n"), 24),
        (("gates", 1, "parts", 1), 25),
        (("gates", 1, "parts", 1, "n"), 26),
        (("steps",), 27),
        (("steps", "model"), 27),
        (("steps", "model", "literal"), 28),
        (("steps", "model", "with", "estimator"), 31),
        (("steps", "model", "last"), 33),
    ],
)
def test_a_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert parse_toml(DOCUMENT, name="x.toml").line_of(path) == line


def test_a_key_that_is_not_there_points_to_the_table_that_should_hold_it() -> None:
    document = parse_toml(DOCUMENT, name="x.toml")
    assert document.where(("server", "host")) == "x.toml:7"
    assert document.where(("nothing",)) == "x.toml:1"


def test_a_header_given_after_its_child_is_the_line_of_the_table() -> None:
    document = parse_toml("[a.b]\nx = 1\n[a]\ny = 2\n", name="x.toml")
    assert document.lines[("a",)] == 3


def test_windows_line_ends_and_a_byte_order_mark_do_not_move_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n\r\n[b]\r\nc = 2\r\n")
    document = read_toml(path)
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.lines[("b", "c")] == 4


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \n", 2),
        ("a = 1\na = 2\n", 2),
        ('a = 1\n\nb = "open', 3),
        ("[a]\n[a]\n", 2),
        ("a = 1\nb = [1,\n", 2),
        ("d = 2023-02-30\n", 1),
    ],
)
def test_what_is_not_toml_is_refused_at_its_line(text: str, line: int) -> None:
    with pytest.raises(ManifestError, match="is not valid TOML") as caught:
        parse_toml(text, name="x.toml")
    assert caught.value.where == f"x.toml:{line}"
    assert "at line" not in caught.value.message


def test_text_that_is_not_utf8_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ManifestError, match="UTF-8") as caught:
        read_toml(path, name="shown.toml")
    assert caught.value.where == "shown.toml:2"


def test_values_nested_too_deeply_are_refused() -> None:
    with pytest.raises(ManifestError, match="nested too deeply"):
        parse_toml("a = " + "[" * 100_000 + "]" * 100_000, name="x.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no file .*x\.toml"):
        read_toml(tmp_path / "x.toml")


VALUES = st.recursive(
    st.sampled_from(["1", "-2.5e3", "true", "inf", "1979-05-27T07:32:00Z", "07:32:00", "1979-05-27 07:32:00"])
    | st.text(string.printable.replace("'", "").replace("\r", "").replace("\x0b", "").replace("\x0c", "")).map(
        lambda text: f"'''{text}'''"
    )
    | st.text(string.ascii_letters + "[]{}#=,. '").map(lambda text: f'"{text}"')
    | st.text(string.ascii_letters + '[]{}#=,. "').map(lambda text: f"'{text}'"),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ # ] comment\n" + ",\n".join(items) + "\n]")
        | st.lists(inner.filter(lambda text: "\n" not in text), max_size=3).map(
            lambda items: "{" + ", ".join(f"k{at} = {item}" for at, item in enumerate(items)) + "}"
        )
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(["", "[t{n}]\n", "[[items]]\n", "# [c]\n\n"]), VALUES), max_size=8))
def test_no_value_hides_the_line_of_the_key_after_it(parts: list[tuple[str, str]]) -> None:
    text, items = "", 0
    table: KeyPath = ()
    expected: dict[KeyPath, int] = {}
    for number, (header, value) in enumerate(parts):
        text += header.format(n=number)
        if header.startswith("[["):
            table, items = ("items", items), items + 1
        elif header.startswith("["):
            table = (f"t{number}",)
        expected[(*table, f"key{number}")] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    document = parse_toml(text, name="x.toml")
    assert {path: line for path, line in document.lines.items() if str(path[-1]).startswith("key")} == expected
