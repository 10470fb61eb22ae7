"""The report holds what the store holds, opens without a network, and runs nothing that a name may hold."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.report.gather import Report, distribution, gather
from quarterdeck.console.report.html import Html, h, tag
from quarterdeck.console.report.page import render
from quarterdeck.core.clock import utc_now
from quarterdeck.core.drift_spec import DriftSpec
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.manifest import Manifest, MonitoringSpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import BinCounts, build_profile, count
from quarterdeck.core.values import Task
from quarterdeck.scheduler.judging import judge_window
from quarterdeck.store import registry, traffic_windows, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import micros

EVIL = "<script>alert('x')</script>"
VOID = {"meta"}


class Reader(HTMLParser):
    """Every element closed in order; its names, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def drifted(console: Console, name: str) -> None:
    """The champion of flights gets a profile of two features, and its last window moved rows of them."""
    signature = Signature(
        fields=(Field(name="wind", kind=FieldKind.NUMBER, nullable=True), Field(name=name, kind=FieldKind.STRING)),
        task=Task.BINARY, target="late",
    )  # fmt: skip
    rng = np.random.default_rng(1)
    profile = build_profile({"wind": rng.normal(size=3_000), name: ["a", EVIL] * 1_500}, signature)
    rows = {"wind": np.append(rng.normal(3, 1, 400), [np.nan] * 100), name: ["never seen"] * 500}
    counts = count(profile, rows)
    manifest = Manifest(
        name="flights", task=Task.BINARY, target="late", steps=(), folder=console.workspace.root,
        monitoring=MonitoringSpec(drift=DriftSpec(ignore=("gone",))),
    )  # fmt: skip
    kept = ArtifactStore(console.workspace.artifacts).put(json.dumps(profile.to_json()).encode())
    with console.database.write() as tx:
        number = registry.aliases(tx, "flights", console.environment)["champion"]  # type: ignore[index]
        tx.exec_driver_sql(
            "INSERT OR IGNORE INTO artifact (sha256, kind, size, created_at) VALUES (?, 'profile', ?, ?)",
            (kept.sha256, kept.size, utc_now().replace(tzinfo=None)),
        )
        tx.exec_driver_sql(
            "UPDATE version SET profile = ? WHERE model = 'flights' AND number = ?", (kept.sha256, number)
        )
        last = windows.last(tx, "flights", version=number, limit=1)[0]
        judged = judge_window(profile, counts, manifest, rows=500, usual=100.0)
        windows.put(
            tx,
            replace(
                last, rows=500, drift=judged.drift, drifted=judged.drifted, quality=judged.quality,
                dataset_drift=judged.dataset_drift,
            ),
        )  # fmt: skip
    with console.traffic.write() as tx:
        text = json.dumps(counts.to_json())
        key = traffic_windows.WindowKey("flights", number, micros(last.start))
        traffic_windows.put_counts(tx, key, micros(last.end), rows=500, counts=text, changed=1, at=0)


def report_on(console: Console, model: str = "flights") -> Report:
    return gather(console, model, utc_now())


def test_it_says_what_is_live_what_drifted_and_what_is_wrong_with_the_rows(console: Console) -> None:
    drifted(console, "carrier")
    report = report_on(console)
    assert report.champion is not None
    assert report.live_since is not None
    text = read(render(report)).text
    for said in (
        report.champion.reference, "needs attention", "wind", "carrier", "Wasserstein distance",
        "Jensen-Shannon distance", "2 of 2", "missing values", "20.0%", "number of rows",
        "a category that training did not have", "the data as a whole has moved away",
        "3 features drifted: wind_speed, precip, visibility", "What the live version had to pass", "Comparisons",
    ):  # fmt: skip
        assert said in text, said


def test_the_two_distributions_are_drawn_from_counts(console: Console) -> None:
    drifted(console, "carrier")
    found = {item.feature: item for item in report_on(console).distributions}
    assert set(found) == {"wind", "carrier"}
    assert sum(found["wind"].reference) == pytest.approx(1)
    assert found["wind"].window[found["wind"].bins.index("missing")] == pytest.approx(0.2)
    assert found["carrier"].bins == ("<script>alert('x')</script>", "a", "others")
    assert found["carrier"].window == (0.0, 0.0, 1.0)


def test_a_name_that_holds_a_script_is_text_and_nothing_else(console: Console) -> None:
    drifted(console, EVIL)
    with console.database.write() as tx:
        tx.exec_driver_sql("UPDATE alert SET message = ? WHERE model = 'flights'", (EVIL + "\x1b[31m\u202e",))
    page = render(report_on(console))
    reader = read(page)
    assert "script" not in reader.names
    assert EVIL in reader.text
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_it_opens_without_a_network(console: Console) -> None:
    drifted(console, "carrier")
    reader = read(render(report_on(console)))
    assert {"src", "href", "onload", "onclick", "style"}.isdisjoint(name for name, _ in reader.attributes)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(reader.names)
    assert "default-src 'none'" in str(dict(reader.attributes).get("content"))
    assert "svg" in reader.names
    assert "prefers-color-scheme: dark" in reader.text


def test_performance_is_drawn_and_estimates_are_named_as_such(console: Console) -> None:
    report = report_on(console)
    text = read(render(report)).text
    assert "labelled" in text
    assert "at training" in text
    assert "estimated, without labels" not in text


def test_a_model_without_windows_has_a_report_too_and_an_unknown_one_has_none(console: Console) -> None:
    with console.database.write() as tx:
        tx.exec_driver_sql("DELETE FROM window")
    assert "not judged yet" in read(render(report_on(console))).text
    with pytest.raises(NotFoundError, match="fligths"):
        report_on(console, "fligths")


def test_a_lost_profile_takes_the_plots_and_not_the_numbers(console: Console) -> None:
    drifted(console, "carrier")
    report = report_on(console)
    assert report.champion is not None
    ArtifactStore(console.workspace.artifacts).remove(str(report.champion.profile))
    without = report_on(console)
    assert without.distributions == ()
    assert without.last == report.last


def test_many_bins_are_shown_as_some_twenty() -> None:
    values: dict[str, Any] = {
        "x": np.random.default_rng(1).normal(size=5_000),
        "s": [f"c{n % 40}" for n in range(5_000)],
    }
    signature = Signature(
        fields=(Field(name="x", kind=FieldKind.NUMBER), Field(name="s", kind=FieldKind.STRING)),
        task=Task.REGRESSION, target="y",
    )  # fmt: skip
    for feature in build_profile(values, signature).features:
        shown = distribution(feature, BinCounts(counts=feature.reference.counts, missing=0))
        assert len(shown.bins) <= 20
        assert shown.reference == shown.window
        assert sum(shown.reference) == pytest.approx(1)


def test_every_text_is_escaped_once() -> None:
    assert h("a < b & 'c'") == "a &lt; b &amp; &#x27;c&#x27;"
    assert h(h("a < b")) == "a &lt; b"
    assert tag("p", "<", Html("<b></b>"), title='"') == '<p title="&quot;">&lt;<b></b></p>'


def test_the_report_loads_no_library_of_numbers() -> None:
    code = (
        "import sys; import quarterdeck.console.report.page, quarterdeck.console.cli.monitor;"
        "print([name for name in ('numpy', 'scipy', 'polars', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
