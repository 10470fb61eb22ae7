"""What is unusual about an input, by the signature and by the reference profile."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.queries.profiles import Profiles
from quarterdeck.console.queries.review import mark_of
from quarterdeck.core.models.signature import Field, FieldKind
from quarterdeck.store.artifacts import ArtifactStore

WIND = Field(name="wind", kind=FieldKind.NUMBER, minimum=0, maximum=80)
CARRIER = Field(name="carrier", kind=FieldKind.STRING, categories=("AA", "HA", "UA"))
OF_WIND = {"mean": 10.0, "deviation": 5.0}
OF_CARRIER = {"categories": ["AA", "UA", "HA"], "reference": {"counts": [700, 298, 2, 0]}}


@pytest.mark.parametrize(
    ("field", "value", "feature", "mark"),
    [
        (WIND, 90, OF_WIND, "90 above 80"),
        (WIND, 27, OF_WIND, "3.4 sd above the mean"),
        (WIND, 24, OF_WIND, ""),
        (WIND, None, OF_WIND, "missing"),
        (WIND, 27, None, ""),
        (WIND, 27, {"mean": None, "deviation": None}, ""),
        (WIND, 10, {"mean": 10.0, "deviation": 0.0}, ""),
        (WIND, "27", OF_WIND, ""),
        (CARRIER, "ZZ", OF_CARRIER, "ZZ is new"),
        (CARRIER, "HA", OF_CARRIER, "rare: 0.2 %"),
        (CARRIER, "AA", OF_CARRIER, ""),
        (CARRIER, "AA", {}, ""),
    ],
)
def test_a_mark_says_what_is_unusual(field: Field, value: Any, feature: dict[str, Any] | None, mark: str) -> None:
    assert mark_of(field, value, feature) == mark


def test_a_profile_that_is_not_there_or_is_none_marks_nothing(console: Console) -> None:
    kept = ArtifactStore(console.workspace.artifacts).put(b"[1, 2]")
    profiles = Profiles(console)
    assert profiles.get("0" * 64) is None and profiles.get(kept.sha256) is None
