"""What the monitor found in each window of event time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from quarterdeck.core.operations import Window
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import WindowRow

_window = table(WindowRow)
COLUMNS = tuple(column.name for column in _window.columns)


def put(tx: Connection, window: Window) -> None:
    """Keep a window's findings in place of earlier ones."""
    key = (
        _window.c.model == window.model,
        _window.c.version == window.version,
        _window.c.start == window.start,
    )
    tx.execute(delete(_window).where(*key))
    tx.execute(insert(_window).values(**{name: getattr(window, name) for name in COLUMNS}))


def before(tx: Connection, model: str, version: int, start: datetime, *, limit: int) -> list[Window]:
    """The version's last windows that start before a time, the oldest first."""
    where = (_window.c.model == model, _window.c.version == version, _window.c.start < start)
    query = select(_window).where(*where).order_by(_window.c.start.desc()).limit(limit)
    return [_to_window(row) for row in tx.execute(query)][::-1]


def after(tx: Connection, model: str, version: int, start: datetime, *, limit: int) -> list[Window]:
    """The version's next windows that start after a time, the oldest first."""
    where = (_window.c.model == model, _window.c.version == version, _window.c.start > start)
    query = select(_window).where(*where).order_by(_window.c.start).limit(limit)
    return [_to_window(row) for row in tx.execute(query)]


def set_performance(
    tx: Connection, model: str, version: int, start: datetime, performance: list[dict[str, Any]]
) -> None:
    """Keep what is known of a window's performance in place of what was; a window that has gone stays gone."""
    key = (_window.c.model == model, _window.c.version == version, _window.c.start == start)
    tx.execute(update(_window).where(*key).values(performance=performance))


def find(tx: Connection, model: str, version: int, start: datetime) -> Window | None:
    """What was found in one window so far."""
    key = (_window.c.model == model, _window.c.version == version, _window.c.start == start)
    row = tx.execute(select(_window).where(*key)).one_or_none()
    return None if row is None else _to_window(row)


def closed(tx: Connection, model: str) -> set[tuple[int, datetime]]:
    """(version, start) of every window of a model that was found closed."""
    key = (_window.c.version, _window.c.start)
    rows = tx.execute(select(*key).where(_window.c.model == model, _window.c.closed))
    return {(version, start) for version, start in rows}


def last(tx: Connection, model: str, *, version: int | None = None, limit: int = 50) -> list[Window]:
    """The newest windows of a model, or of one version of it, the oldest of them first."""
    query = select(_window).where(_window.c.model == model).order_by(_window.c.start.desc(), _window.c.version.desc())
    if version is not None:
        query = query.where(_window.c.version == version)
    return [_to_window(row) for row in tx.execute(query.limit(limit))][::-1]


def holding(tx: Connection, model: str, at: datetime, *, version: int | None = None) -> list[Window]:
    """Every version's window that holds a time, or one version's."""
    where = [_window.c.model == model, _window.c.start <= at, _window.c.end > at]
    if version is not None:
        where.append(_window.c.version == version)
    return [_to_window(row) for row in tx.execute(select(_window).where(*where).order_by(_window.c.version))]


def volumes(tx: Connection, model: str, *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """(start, rows of all versions together) of the closed windows that start in [since, until)."""
    where = (_window.c.model == model, _window.c.closed, _window.c.start >= since, _window.c.start < until)
    query = select(_window.c.start, func.sum(_window.c.rows)).where(*where).group_by(_window.c.start)
    return [(start, int(rows)) for start, rows in tx.execute(query.order_by(_window.c.start))]


def set_dataset_drift(tx: Connection, model: str, version: int, start: datetime, found: dict[str, Any]) -> None:
    """Keep what was found about all features together, in place of what was there; other findings stay."""
    key = (_window.c.model == model, _window.c.version == version, _window.c.start == start)
    tx.execute(update(_window).where(*key).values(dataset_drift=found))


def _to_window(row: Any) -> Window:
    return value_of(Window, row)
