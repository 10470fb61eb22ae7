"""The stream detectors say "drift" at the very values where river's do; river.json was made by streams.py."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.drift.adwin import Adwin
from quarterdeck.core.drift.error_stream import drift_points
from quarterdeck.core.drift.page_hinkley import PageHinkley
from quarterdeck.core.errors import RefusedError

HERE = Path(__file__).parent
PROGRAM: dict[str, Any] = runpy.run_path(str(HERE / "streams.py"))
STREAMS: dict[str, list[float]] = dict(PROGRAM["streams"]())
RIVER: dict[str, list[list[int]]] = json.loads((HERE / "river.json").read_text())


def detectors() -> list[Adwin | PageHinkley]:
    ours: list[Adwin | PageHinkley] = []
    for options in PROGRAM["ADWIN"]:
        own = dict(options)
        own["min_window"] = own.pop("min_window_length", 5)
        ours.append(Adwin(**own))
    for options in PROGRAM["PAGE_HINKLEY"]:
        own = dict(options)
        mode = own.pop("mode", "both")
        ours.append(PageHinkley(**own, rises=mode != "down", falls=mode != "up"))
    return ours


@pytest.mark.parametrize("name", STREAMS)
def test_the_indices_are_rivers(name: str) -> None:
    ours = [[i for i, value in enumerate(STREAMS[name]) if detector.update(value)] for detector in detectors()]
    assert ours == RIVER[name]


def test_the_streams_hold_drifts_and_a_still_one_holds_none_by_default() -> None:
    assert sum(len(indices) for found in RIVER.values() for indices in found) > 500
    assert RIVER["still 0"][0] == RIVER["still 1"][0] == []


def test_adwins_window_is_its_mean_and_forgets_what_was_before_the_change() -> None:
    detector = Adwin()
    values = [0.0] * 1_000 + [1.0] * 200
    drifts = [index for index, value in enumerate(values) if detector.update(value)]
    assert 1_000 <= drifts[0] < 1_064
    assert detector.mean == pytest.approx(1.0)
    assert detector.width < 200


@pytest.mark.parametrize("detector", [Adwin(), PageHinkley()])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(detector: Adwin | PageHinkley, value: float) -> None:
    with pytest.raises(RefusedError):
        detector.update(value)


def test_points_of_an_error_stream_say_where_and_from_what_to_what() -> None:
    errors = [float(i % 10 == 0) for i in range(1_000)] + [float(i % 2 == 0) for i in range(400)]
    found = drift_points(errors)
    adwin = [point for point in found if point.method == "adwin"]
    assert len(adwin) == 1
    assert 1_000 <= adwin[0].index < 1_150
    assert adwin[0].before == pytest.approx(0.1, abs=0.02)
    assert adwin[0].after > 0.15
    assert {point.method for point in found} == {"adwin", "page_hinkley"}
    assert drift_points([0.0, 1.0] * 500) == []
    assert drift_points([]) == []
