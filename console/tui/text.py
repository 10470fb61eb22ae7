"""Text as the widgets draw it: spans of a plain text with a tone, cut and wrapped by the width of their
cells.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from quarterdeck.console.formats import clean

Span = tuple[str, str]  # text, tone
Line = tuple[Span, ...]

TONES = ("dim", "strong", "head", "ok", "warn", "bad", "info", "accent")
EMPTY: Line = ()


def span(text: object, tone: str = "") -> Span:
    """A span of text from anywhere: it is made printable here, and nowhere else."""
    return clean(text), tone


def line(*parts: Span | str) -> Line:
    """A line of spans; a bare string has no tone."""
    return tuple(span(part) if isinstance(part, str) else (clean(part[0]), part[1]) for part in parts if part)


def plain(parts: Line) -> str:
    return "".join(text for text, _ in parts)


def width_of(parts: Line) -> int:
    return sum(cell_len(text) for text, _ in parts)


def fit(parts: Line, width: int, *, right: bool = False, ellipsis: str = "…") -> Line:
    """Exactly `width` cells: padded, or cut with an ellipsis."""
    total = width_of(parts)
    if total == width:
        return parts
    if total < width:
        pad = (" " * (width - total), "")
        return (pad, *parts) if right else (*parts, pad)
    return _cut(parts, width, ellipsis)


def _cut(parts: Line, width: int, ellipsis: str) -> Line:
    if width <= 0:
        return EMPTY
    kept: list[Span] = []
    left = width - cell_len(ellipsis)
    if left < 0:
        return ((set_cell_size(plain(parts), width), parts[0][1]),)
    for text, tone in parts:
        length = cell_len(text)
        if length >= left:
            kept.append((set_cell_size(text, left) + ellipsis, tone))
            break
        kept.append((text, tone))
        left -= length
    return tuple(kept)


def wrap(parts: Line, width: int, *, indent: int = 0) -> list[Line]:
    """The line on as many lines as it needs, broken at spaces; the later ones are indented."""
    if width <= 0 or width_of(parts) <= width:
        return [parts]
    indent = min(indent, width // 2)
    lines: list[Line] = []
    current: list[Span] = []
    used = 0
    for word, tone in _words(parts):
        length = cell_len(word)
        if used + cell_len(word.rstrip()) > width and used > (indent if lines else 0):
            lines.append(tuple(current))
            current, used = [(" " * indent, "")], indent
            word = word.lstrip()
            length = cell_len(word)
        while used + length > width and length > width - used:
            head = _head(word, width - used)
            lines.append((*current, (head, tone)))
            word, current, used = word[len(head) :], [(" " * indent, "")], indent
            length = cell_len(word.rstrip())
            word = word if length else ""
        if word:
            current.append((word, tone))
            used += cell_len(word)
    return [*lines, tuple(current)] if current else lines


def _head(word: str, width: int) -> str:
    """As many characters as fit in so many cells, one at least."""
    used = 0
    for index, char in enumerate(word):
        used += cell_len(char)
        if used > width and index:
            return word[:index]
    return word


def _words(parts: Line) -> Iterable[Span]:
    """Words, each with the spaces behind it."""
    for text, tone in parts:
        start = 0
        for index in range(1, len(text)):
            if text[index] != " " and text[index - 1] == " ":
                yield text[start:index], tone
                start = index
        if text:
            yield text[start:], tone
