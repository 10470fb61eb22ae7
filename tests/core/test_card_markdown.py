"""A user's text is shown in Markdown as it is, and never read as markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from quarterdeck.core.card import Bullets, Card, Facts, Section, Table, Text
from quarterdeck.core.card_markdown import one_line, to_markdown

# GitHub's: tables, strikethrough, links that nobody marked as such, and HTML let through, where it would show.
# As on GitHub, a bare domain is no link; an address of mail is one, and shows as it was written.
PARSER = MarkdownIt("gfm-like")
assert PARSER.linkify is not None
PARSER.linkify.set({"fuzzy_link": False})
PARSER.linkify.add("//", None)
SAID = st.text(st.characters(codec="utf-8"), max_size=60)
MEAN = st.text(st.sampled_from("|*_`~#<>[]()!&\\-+=.:1 \n\tab$@"), max_size=40)
WORDS = st.one_of(SAID, MEAN)

ALLOWED = {
    "inline", "text", "heading_open", "heading_close", "paragraph_open", "paragraph_close",
    "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "strong_open", "strong_close",
    "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close",
    "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close", "text_special",
}  # fmt: skip


def card_of(text: str) -> Card:
    """The text in every place that a user's words can come to."""
    blocks = (
        Text(text=text),
        Bullets(items=(text, "second")),
        Facts(pairs=((text or "name", text), ("owner", "x"))),
        Table(columns=(text, "b"), rows=((text, "1"), ("c", text)), right=(1,)),
    )
    return Card(title=text, as_of=text, sections=(Section(title=text, blocks=blocks),))


def flat(tokens: list[Token]) -> list[Token]:
    return [part for token in tokens for part in (token, *flat(token.children or []))]


def shown(token: Token) -> str:
    """What a reader sees of an inline token."""
    return "".join(part.content for part in token.children or [] if part.type in ("text", "text_special"))


def squeezed(text: str) -> str:
    """Renderers draw several spaces as one."""
    return re.sub(" +", " ", text).strip(" ")


@settings(deadline=None)
@given(WORDS)
@example("ann@example.com ftp://x.y WWW.x.y x.com //x.com")
@example("| a | b |\n| - | - |")
@example("<script>alert(1)</script>")
@example("[link](http://x.y) ![i](x) https://x.y www.x.y mailto:a@b.cd")
@example("`code` **bold** _it_ ~~gone~~ $x$ &amp; \\| \\")
@example("# not a title")
@example("1. not a list")
@example("---")
@example("- \n+ \n= ")
@example("تأخير الرحلة \u202e\u2066 שלום")
@example("👨‍👩‍👧 été 東京")
@example("a\u2028b\u0085c\x00\x1b[31m")
def test_any_text_is_shown_as_it_is_and_changes_no_structure(text: str) -> None:
    tokens = flat(PARSER.parse(to_markdown(card_of(text))))
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert all(link.startswith("mailto:") for link in links)
    assert {token.type for token in tokens} <= (ALLOWED | {"link_open", "link_close"} if links else ALLOWED)
    assert sum(token.type == "table_open" for token in tokens) == 1
    assert [sum(token.type == kind for token in tokens) for kind in ("tr_open", "th_open", "td_open")] == [3, 2, 4]
    cells = [tokens[index + 1] for index, token in enumerate(tokens) if token.type in ("th_open", "td_open")]
    wanted = squeezed(one_line(text))
    assert [squeezed(shown(cell)) for cell in cells] == [wanted, "b", wanted, "1", "c", wanted]


@settings(deadline=None)
@given(WORDS.filter(lambda text: bool(one_line(text))))
def test_headings_lists_and_paragraphs_show_the_same_text(text: str) -> None:
    tokens = flat(PARSER.parse(to_markdown(card_of(text))))
    wanted = squeezed(one_line(text))
    headings = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == "heading_open"]
    paragraphs = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == "paragraph_open"]
    assert [squeezed(shown(heading)) for heading in headings] == [wanted, wanted]
    said = [squeezed(shown(paragraph)) for paragraph in paragraphs]
    assert said[:4] == [wanted, wanted, wanted, "second"]
    assert sum(token.type == "list_item_open" for token in tokens) == 4


@settings(deadline=None)
@given(WORDS)
def test_nothing_in_the_markdown_steers_a_terminal_or_turns_the_writing(text: str) -> None:
    markdown = to_markdown(card_of(text))
    steering = [char for char in markdown if not char.isprintable() and char not in "\n\u200c\u200d"]
    assert steering == []


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("roc_auc_score at least 0.65", "roc_auc_score at least 0.65"),
        ("a|b", "a\\|b"),
        ("_a_ b_c", "\\_a\\_ b_c"),
        ("0.6993", "0.6993"),
        ("1. first", "1\\. first"),
        ("see https://x", "see https\\://x"),
    ],
)
def test_only_what_would_be_markup_is_escaped(said: str, written: str) -> None:
    card = Card(title="t", as_of="now", sections=(Section(title="s", blocks=(Text(text=said),)),))
    assert to_markdown(card) == f"# t\n\nnow\n\n## s\n\n{written}\n"
