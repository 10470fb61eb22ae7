"""A card as GitHub-flavoured Markdown. The same card gives the same text; no user's text is read as markup."""

from __future__ import annotations

import re
import unicodedata

from quarterdeck.core.card import Block, Bullets, Card, Facts, Table, Text

_JOINERS = "\u200c\u200d"  # of letters in Persian and of emoji: they steer nothing
# Always markup, wherever they stand. "_" is left alone within a word: it means nothing there.
_SPECIAL = re.compile(r"[\\`*{}\[\]<>#|~$&!]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=[wW]{3})\.|(?<=mailto):|(?<=xmpp):")
# What would begin a list or draw a rule, at the beginning of a line: "- ", "1. ", "---".
_AT_START = re.compile(r"^(?:[-+](?=\s|$)|-(?=[- ]+$)|=(?==*\s*$)|\d{1,9}(?=[.)](?:\s|$)))")


def to_markdown(card: Card) -> str:
    """The whole card, ending in a line end."""
    parts = [f"# {escape(card.title)}", _line(card.as_of)]
    for section in card.sections:
        parts.append(f"## {escape(section.title)}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text():
            return _line(block.text)
        case Bullets():
            return "\n".join(f"- {_line(item)}" for item in block.items)
        case Facts():
            return "\n".join(f"- **{escape(name)}:** {escape(value) or '-'}" for name, value in block.pairs)
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    rules = ["--:" if index in table.right else "---" for index in range(len(table.columns))]
    rows = [[escape(cell) for cell in row] for row in (table.columns, *table.rows)]
    rows.insert(1, rules)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def escape(text: str) -> str:
    """This text within a line of Markdown: markup, line ends and control characters do nothing."""
    return _SPECIAL.sub(lambda match: f"\\{match.group()}", one_line(text))


def _line(text: str) -> str:
    """This text as a line of its own."""
    return _AT_START.sub(_begun, escape(text))


def _begun(match: re.Match[str]) -> str:
    found = match.group()
    return f"{found}\\" if found[0].isdigit() else f"\\{found}"


def one_line(text: str) -> str:
    """Line ends and tabs as spaces; what cannot be seen, and what turns the direction of writing, as a dot."""
    plain = "".join(_visible(character) for character in str(text))
    return " ".join(plain.split(" ")).strip()


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() or unicodedata.category(character) in ("Zl", "Zp") else "\u00b7"
