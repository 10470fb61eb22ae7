"""The real server counts what it answers; what a killed process had answered and not logged is known afterwards."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Counts, build_profile, count
from quarterdeck.core.values import Task
from quarterdeck.store import pipelines
from quarterdeck.store.traffic import micros, moment

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIGNATURE = Signature(
    fields=(Field(name="a", kind=FieldKind.NUMBER), Field(name="b", kind=FieldKind.NUMBER, nullable=True)),
    task=Task.REGRESSION,
    target="y",
)
PROFILE = build_profile({"a": np.linspace(0, 9, 100), "b": np.linspace(0, 9, 100)}, SIGNATURE, np.linspace(0, 18, 100))


def watch(lab: Any, window: timedelta | None = HOUR) -> str:
    """Give `line` a pipeline whose windows are so wide, and its versions a profile; the profile's digest."""
    sha256: str = lab._keep(json.dumps(PROFILE.to_json()).encode())
    about = pipelines.Pipeline(
        name="line", task=Task.REGRESSION, description="", owner="", digest="", synced_at=NOW, window=window
    )
    with lab.database.write() as tx:
        pipelines.put(tx, about)
        tx.execute(text("UPDATE version SET profile = :sha256"), {"sha256": sha256})
    return sha256


def windows(lab: Any) -> dict[Any, tuple[int, Counts]]:
    with lab.traffic.read() as tx:
        rows = tx.execute(text("SELECT start, rows, counts FROM window_count ORDER BY start")).all()
    return {moment(start): (rows, Counts.from_json(json.loads(counts))) for start, rows, counts in rows}


def lost(server: Any) -> int:
    families = text_string_to_metric_families(httpx.get(f"http://127.0.0.1:{server.port}/metrics").text)
    (found,) = [s.value for family in families for s in family.samples if s.name == "quarterdeck_log_lost_total"]
    return int(found)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody else writes to a database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_what_it_answers_is_in_the_window_of_its_event_as_soon_as_it_is_logged(line_lab: Any) -> None:
    watch(line_lab)
    server = line_lab.start()
    sent = [{"a": n / 4, "b": 8.0, "sailed": (NOW + n * HOUR / 4).isoformat()} for n in range(8)]
    for row in sent[:3]:
        assert server.predict("line", row).status_code == 200
    assert server.predict("line", sent[3:]).status_code == 200
    assert server.client.post("/predict/line?version=2", json=sent[0]).status_code == 200  # counts nowhere
    line_lab.wait_until(lambda: len(line_lab.logged()) == 9)
    found = windows(line_lab)
    for start, members in ((NOW, slice(0, 4)), (NOW + HOUR, slice(4, 8))):
        some = sent[members]
        columns = {name: [row[name] for row in some] for name in ("a", "b")}
        scores = [row["a"] + row["b"] for row in some]
        rows, counts = found.pop(start)
        assert (rows, counts) == (4, count(PROFILE, columns, scores=scores))
    assert found == {}
    assert {row.counted for row in line_lab.logged()} == {1}


def test_a_profile_that_cannot_be_read_keeps_no_answer_back_and_is_said(line_lab: Any) -> None:
    sha256 = watch(line_lab)
    (kept,) = [path for path in line_lab.workspace.artifacts.rglob(f"*{sha256[4:]}*") if path.is_file()]
    kept.unlink()
    server = line_lab.start()
    assert server.version_of("line") == 1
    assert any("counting line@1" in text for text in server.problems())
    line_lab.wait_until(lambda: [row.counted for row in line_lab.logged()] == [0])
    assert windows(line_lab) == {}


def test_a_width_that_is_not_known_yet_leaves_the_rows_to_the_daemon(line_lab: Any) -> None:
    watch(line_lab, None)
    server = line_lab.start()
    server.version_of("line")
    line_lab.wait_until(lambda: [row.counted for row in line_lab.logged()] == [0])
    watch(line_lab)  # the plan is read again

    def counts_now() -> bool:
        server.version_of("line")
        return any(row.counted for row in line_lab.logged())

    line_lab.wait_until(counts_now)


def test_the_next_server_knows_how_many_answers_a_killed_one_did_not_log(line_lab: Any) -> None:
    watch(line_lab)
    server = line_lab.start()
    for _ in range(3):
        server.version_of("line")
    line_lab.wait_until(lambda: len(line_lab.logged()) == 3)
    with held(line_lab.workspace.traffic_database):
        assert server.predict("line", [{"a": 1.0, "b": 2.0}] * 5).status_code == 200
        server.version_of("line")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    for expected in (6, 6):  # once
        again = line_lab.start()
        assert lost(again) == expected
        assert line_lab.service().detail.get("lost", expected) == expected
        assert again.stop() == 0
    assert len(line_lab.logged()) == 3 and sum(rows for rows, _ in windows(line_lab).values()) == 3
    assert list((line_lab.workspace.run / "answered").iterdir()) == []


def test_a_process_beside_the_first_that_is_killed_is_settled_while_the_server_runs(
    tmp_path: Path, make_lab: Any
) -> None:
    lab = make_lab(tmp_path / "pair", processes=2)
    try:
        lab.add_onnx("line", lab.line_model(1.0))
        lab.promote("line", 1)
        server = lab.start()
        pids = lab.wait_until(lambda: pids if len(pids := lab.service().detail.get("processes", [])) == 2 else None)
        (other,) = set(pids) - {server.process.pid}
        before = {path.name for path in (lab.workspace.run / "answered").iterdir()}
        assert len(before) == 2
        with held(lab.workspace.traffic_database):
            for _ in range(40):
                assert (
                    httpx.post(f"http://127.0.0.1:{server.port}/predict/line", json={"a": 1.0, "b": 1.0}).status_code
                    == 200
                )
            os.kill(other, signal.SIGKILL)
        lab.wait_until(lambda: len(lab.logged()) + lost(server) == 40)
        assert 0 < lost(server) < 40
        lab.wait_until(lambda: lab.service().detail["lost"] == lost(server))
    finally:
        lab.close()


@pytest.mark.slow
def test_whenever_it_is_killed_a_row_is_logged_and_counted_or_neither(line_lab: Any) -> None:
    watch(line_lab)
    answered = 0
    for number in range(10):
        server = line_lab.start()
        with httpx.Client(base_url=server.client.base_url) as client:
            for n in range(60 + 37 * number):
                when = (NOW + n % 7 * HOUR).isoformat()
                rows = [{"a": 1.0, "b": 1.0, "sailed": when}] * (n % 9 + 1)
                assert client.post("/predict/line", json=rows).status_code == 200
                answered += len(rows)
        server.process.kill()
        server.process.wait()
    server = line_lab.start()
    logged = line_lab.logged()
    assert len(logged) + lost(server) == answered
    found = windows(line_lab)
    for start, (rows, counts) in found.items():
        inside = sum(micros(start) <= row.event_at < micros(start + HOUR) for row in logged)
        assert rows == counts.rows == inside
    assert sum(rows for rows, _ in found.values()) == len(logged)
