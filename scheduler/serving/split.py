"""Which rows a challenger answers to clients: the same entities for as long as it is challenger.

The entity of a row is hashed together with the endpoint and the challenger's number into one of 10,000 buckets, and
the challenger has the first of them: a weight that grows only adds entities, and every process, now and after a
restart, decides alike. Another challenger gets other entities. A row without an entity is decided by its prediction
id, which is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

BUCKETS = 10_000  # a hundredth of a percent each


class Split:
    """One challenger's share of an endpoint's rows."""

    def __init__(self, endpoint: str, challenger: int, weight: float) -> None:
        """`weight` in percent, 0 to 100."""
        self.weight = weight
        self.buckets = round(weight * BUCKETS / 100)
        self._salted = blake2b(f"{endpoint}@{challenger}\n".encode(), digest_size=8)

    def places(self, ids: Sequence[str], entities: Sequence[str | int | None]) -> list[int]:
        """The places of the rows that are the challenger's."""
        return [
            place
            for place, (name, entity) in enumerate(zip(ids, entities, strict=True))
            if self.bucket(name if entity is None else str(entity)) < self.buckets
        ]

    def bucket(self, name: str) -> int:
        """An entity's place among the buckets, 0 to 9,999."""
        salted = self._salted.copy()
        salted.update(name.encode("utf-8", "surrogatepass"))
        return int.from_bytes(salted.digest()) % BUCKETS
