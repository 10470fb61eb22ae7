"""HTML by functions: every text is escaped where it is put in, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Part = str | Html | None


def h(part: Part) -> Html:
    """A part as HTML: text is escaped, HTML stays, None is a dash."""
    if isinstance(part, Html):
        return part
    return Html("–" if part is None or part == "" else escape(_visible(part), quote=True))  # noqa: RUF001


def _visible(text: str) -> str:
    """Without characters that HTML does not allow or that turn the direction of what follows."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)


def tag(name: str, *parts: Part, **attributes: str | None) -> Html:
    """<name attributes>parts</name>; `class_` is the attribute class, and one that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_visible(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{''.join(map(h, parts))}</{name}>")


def joined(parts: Iterable[Part], between: str = "") -> Html:
    return Html(between.join(map(h, parts)))


def table(columns: Sequence[str], rows: Sequence[Sequence[Part]], *, empty: str, numbers: Sequence[int] = ()) -> Html:
    """A table; the columns named by `numbers` stand to the right. `empty` is said where there is no row."""
    if not rows:
        return tag("p", empty, class_="quiet")

    def cell(name: str, at: int, part: Part) -> Html:
        return tag(name, part, class_="number" if at in numbers else None)

    head = tag("tr", *(cell("th", at, column) for at, column in enumerate(columns)))
    body = (tag("tr", *(cell("td", at, part) for at, part in enumerate(row))) for row in rows)
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="wide")


def badge(text: str, tone: str) -> Html:
    """A word in a colour: good, watch, bad or quiet."""
    return tag("span", text, class_=f"badge {tone}")
