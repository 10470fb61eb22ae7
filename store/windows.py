"""What the monitor found in each window of event time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

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


def last(tx: Connection, model: str, *, version: int | None = None, limit: int = 50) -> list[Window]:
    """The newest windows of a model, or of one version of it, the oldest of them first."""
    query = select(_window).where(_window.c.model == model).order_by(_window.c.start.desc(), _window.c.version.desc())
    if version is not None:
        query = query.where(_window.c.version == version)
    return [_to_window(row) for row in tx.execute(query.limit(limit))][::-1]


def _to_window(row: Any) -> Window:
    return value_of(Window, row)
