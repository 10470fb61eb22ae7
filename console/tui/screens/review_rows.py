"""How the queue's rows and one prediction are written."""

from __future__ import annotations

from datetime import datetime

from quarterdeck.console import formats
from quarterdeck.console.queries.review_values import FieldRow, Review, ReviewDetail, ReviewRow
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, Span, line, span
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.core.review import State
from quarterdeck.core.values import Task

COLUMNS = (
    Column(key="model", title="MODEL", width=14, least=7, flex=1),
    Column(key="answer", title="SAYS", width=8, least=6),
    Column(key="confidence", title="SURE", width=5, least=4, right=True),
    Column(key="why", title="WHY", width=26, least=20, flex=2, drop=1),
    Column(key="age", title="AGE", width=4, least=3, right=True),
    Column(key="state", title="", width=9, least=8),
)
_NAME = 22  # cells of a field's name
_LABEL = 9  # cells of what stands before a value


def table_row(row: ReviewRow, symbols: Symbols, now: datetime) -> Row:
    """Dim where this person has nothing to do with it now."""
    tone = "dim" if row.mine or row.held_by else ""
    cells: dict[str, Line] = {
        "model": line(span(row.model, tone or "strong")),
        "answer": line(span("hidden" if row.answer is None else row.answer, tone)),
        "confidence": line(span("-" if row.confidence is None else f"{row.confidence:.2f}".lstrip("0"), tone)),
        "why": line(span(row.why, tone)),
        "age": line(span(formats.age(now - row.answered_at), "dim")),
        "state": line(_state(row, symbols)),
        "version": line(str(row.version)),
        "entity": line(row.entity or ""),
    }
    values = {"confidence": row.confidence, "age": -row.answered_at.timestamp()}
    return Row(id=str(row.id), cells=cells, values=values)


def _state(row: ReviewRow, symbols: Symbols) -> Span:
    if row.mine:
        return span("judged", "dim")
    if row.held_by is not None:
        return span(row.held_by, "dim")
    if row.state is State.CONFLICT:
        return symbols.state("differ")
    if row.said:
        return span(f"{row.said} of {row.needed}", "info")
    return span(f"skipped {row.skips}x", "dim") if row.skips else span("")


def detail_lines(found: ReviewDetail, symbols: Symbols, now: datetime) -> list[Line]:
    """The prediction, why it waits, what each key says of it, and its inputs with what is unusual about them."""
    row = found.row
    head = [span(f"{row.model} {row.version}", "strong"), span(f"  {row.entity}" if row.entity else "", "accent")]
    lines = [
        line(*head, span(f"  {formats.minute(row.event_at)}", "dim")),
        _labelled(found.target, _answer(found)),
        _labelled("why", [span(row.why), span(_stands_for(row), "dim")]),
    ]
    if row.held_by is not None:
        lines.append(_labelled("now", [span(f"{row.held_by} has it in hand", "warn")]))
    if row.mine:
        lines.append(_labelled("now", [span("you have judged it: it waits for another person", "warn")]))
    lines += [_labelled(person, [span(f"says {label}", "warn")]) for person, label in found.said]
    lines += [line(""), _keys(found), line("")]
    width = min(_NAME, max((len(field.name) for field in found.fields), default=0))
    lines += [_field(field, width, symbols) for field in found.fields]
    age = f"answered {formats.age(now - row.answered_at)} ago, prediction {found.prediction}"
    return [*lines, line(""), line(span(age, "dim"))]


def _labelled(name: str, parts: list[Span]) -> Line:
    return line(span(f"{name[:_LABEL]:<{_LABEL}} ", "dim"), *parts)


def _answer(found: ReviewDetail) -> list[Span]:
    if found.row.answer is None:
        return [span("not shown: judge it by what was asked", "dim")]
    shares = "  ".join(f"{name} {share:.2f}" for name, share in found.classes[:6] if share is not None)
    return [span(found.row.answer, "head"), span(f"   {shares}", "dim")]


def _stands_for(row: ReviewRow) -> str:
    """How many predictions it speaks for."""
    return "" if row.probability >= 1 else f", one for {formats.count(round(1 / row.probability))}"


def _keys(found: ReviewDetail) -> Line:
    """What each key would say of this prediction."""
    others = [name for name, _ in found.classes if name != found.row.answer]
    parts: list[Span] = []
    if found.row.answer is not None:
        parts += [span("a", "accent"), span(f" it is {found.row.answer}   ")]
    wrong = f" it is {others[0]}   " if len(others) == 1 else " say what it is   "
    return line(*parts, span("x", "accent"), span(wrong), span("n", "accent"), span(" later"))


def _field(field: FieldRow, width: int, symbols: Symbols) -> Line:
    mark = f"  {symbols.glyph('watch')} {field.mark}" if field.mark else ""
    name = f"{field.name:<{width}}"
    return line(span(f"{name}  ", "dim"), span(field.value, "warn" if field.mark else ""), span(mark, "warn"))


def empty_lines(found: Review, model: str | None) -> list[Line]:
    """What to do where nothing waits."""
    of = f" of {model}" if model else ""
    if found.decided:
        done = formats.counted(found.decided, "prediction")
        return [line(f"Nothing{of} waits for you."), line(""), line(f"You have judged {done} today.")]
    if found.enabled:
        names = ", ".join(found.enabled)
        return [
            line(f"Nothing{of} waits for you."),
            line(""),
            line(f"Predictions of {names} come here when the model is unsure, and some by chance."),
            line("The daemon chooses them: quarterdeck daemon status"),
        ]
    return [
        line("No pipeline asks for people's eyes yet."),
        line(""),
        line("Write into its pipeline.toml (e on screen 2 opens it):"),
        line(""),
        line(span("    [review]", "accent")),
        line(span("    confidence_below = 0.6", "accent")),
        line(span("    random_share = 0.01", "accent")),
        line(""),
        line("Then predictions that the model is unsure of wait here."),
    ]


def is_value(found: ReviewDetail) -> bool:
    """Whether what is right is typed, and not chosen."""
    return found.task is Task.REGRESSION
