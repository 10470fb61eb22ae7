"""Which rows a person has marked, by their ids: marks stay on their rows as the cursor does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Marks:
    """A range is begun where the cursor stands and follows it until it is ended."""

    def __init__(self) -> None:
        self._kept: set[str] = set()
        self._range: set[str] = set()
        self._anchor: str | None = None

    def __contains__(self, row_id: str) -> bool:
        return row_id in self._kept or row_id in self._range

    def __len__(self) -> int:
        return len(self._kept | self._range)

    def turn(self, row_id: str) -> None:
        """Mark a row, or take its mark back."""
        self._settle()
        self._kept ^= {row_id}

    def add(self, row_ids: Iterable[str]) -> None:
        self._settle()
        self._kept |= set(row_ids)

    def begin_or_end(self, row_id: str) -> None:
        if self._anchor is None:
            self._anchor, self._range = row_id, {row_id}
        else:
            self._settle()

    def stretch(self, order: Sequence[str], cursor: str) -> None:
        """The range reaches from where it was begun to the cursor, in the order that is shown."""
        if self._anchor is None or self._anchor not in order or cursor not in order:
            return
        first, last = sorted((order.index(self._anchor), order.index(cursor)))
        self._range = set(order[first : last + 1])

    def keep(self, known: set[str]) -> None:
        """Forget rows that have gone."""
        self._kept &= known
        self._range &= known
        if self._anchor not in known:
            self._settle()

    def clear(self) -> bool:
        """False where nothing was marked."""
        some = len(self) > 0
        self._kept, self._range, self._anchor = set(), set(), None
        return some

    def _settle(self) -> None:
        self._kept |= self._range
        self._range, self._anchor = set(), None
