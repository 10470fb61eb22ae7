"""How columns share a width, and how rows are sorted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.console.tui.screens import live_rows, overview, pipeline_rows, registry
from quarterdeck.console.tui.screens.duel import DUELS
from quarterdeck.console.tui.text import line
from quarterdeck.console.tui.widgets.columns import Column, Row, share, sort_rows

TABLES = {
    "models": overview.MODELS, "events": overview.EVENTS, "versions": registry.VERSIONS,
    "pipelines": pipeline_rows.PIPELINES, "runs": pipeline_rows.RUNS, "triggers": pipeline_rows.TRIGGERS,
    "steps": pipeline_rows.STEPS, "endpoints": live_rows.ENDPOINTS,
    "alerts": live_rows.ALERTS, "duels": DUELS,
}  # fmt: skip


@given(st.sampled_from(sorted(TABLES)), st.integers(1, 250))
def test_columns_never_need_more_than_the_width(name: str, width: int) -> None:
    found = share(TABLES[name], width)
    assert found
    assert sum(own for _, own in found) + len(found) - 1 <= width


def test_at_80_columns_nothing_that_must_not_go_is_cut() -> None:
    for name, columns in TABLES.items():
        found = dict((column.key, own) for column, own in share(columns, 79))
        for column in columns:
            if not column.drop:
                assert found.get(column.key, 0) >= column.minimum, (name, column.key)


def test_what_is_left_over_goes_to_the_columns_that_flex() -> None:
    columns = [Column(key="a", title="A", width=5), Column(key="b", title="B", width=5, flex=1)]
    assert [own for _, own in share(columns, 40)] == [5, 34]


def _row(name: str, value: float | None) -> Row:
    return Row(id=name, cells={"v": line(str(value))}, values={"v": value})


def test_rows_without_a_value_come_last_either_way() -> None:
    rows = [_row("none", None), _row("ten", 10.0), _row("nine", 9.0)]
    assert [row.id for row in sort_rows(rows, "v", False)] == ["nine", "ten", "none"]
    assert [row.id for row in sort_rows(rows, "v", True)] == ["ten", "nine", "none"]
