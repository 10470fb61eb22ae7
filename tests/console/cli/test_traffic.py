"""`quarterdeck traffic`: the prediction log shown, followed, asked and exported, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import append_labels, append_predictions, micros, open_traffic
from quarterdeck.store.traffic_writers import add_lost

NOW = datetime.now(UTC)


def record(n: int, *, endpoint: str = "flights", arm: str = "champion") -> dict[str, object]:
    return {
        "id": f"p{n}", "endpoint": endpoint, "version": 2, "arm": arm, "entity": f"e{n % 5}", "event_at": n,
        "at": micros(NOW - timedelta(hours=100 - n)), "latency_us": 1_500, "inputs": json.dumps({"hour": n % 24}),
        "answer": str(n % 2), "score": n / 100, "probabilities": None,
    }  # fmt: skip


@pytest.fixture
def traffic(root: Path) -> Iterator[Database]:
    """A hundred answers of `flights`, one an hour; every tenth labelled."""
    with open_traffic(root / ".quarterdeck" / "traffic.db") as database:
        with database.write() as tx:
            append_predictions(tx, [record(n) for n in range(100)])  # type: ignore[misc]  # dicts of the same shape
            append_labels(
                tx, [{"id": f"p{n}", "endpoint": "flights", "label": "1", "at": micros(NOW)} for n in range(0, 100, 10)]
            )
        yield database


def test_show_says_what_there_is_and_what_retention_will_do(quarterdeck, traffic, root) -> None:
    (root / "quarterdeck.toml").write_text("[traffic]\nkeep_days = 2.104\n")  # 50 hours and a half
    said = quarterdeck("traffic", "show").out
    assert "flights" in said and "champion" in said and "50 older rows go" in said and "for 2.104 days" in said
    found = quarterdeck("traffic", "show", "--json").json
    assert (found["rows"], found["labels"], found["retention"]["older"]) == (100, {"flights": 10}, 50)
    assert found["used_bytes"] > 0 and found["removed"] == []


def test_show_of_an_empty_log_says_so(quarterdeck) -> None:
    assert "Nothing has been predicted yet." in quarterdeck("traffic", "show").out


def test_query_gives_the_newest_first_and_says_how_to_go_on(quarterdeck, traffic) -> None:
    first = quarterdeck("traffic", "query", "--limit", "3", "--json")
    assert [row["id"] for row in first.json] == ["p99", "p98", "p97"]
    place = first.json[-1]["row"]
    assert [row["id"] for row in quarterdeck("traffic", "query", "-n", "2", "--before", str(place), "--json").json] == [
        "p96", "p95",
    ]  # fmt: skip
    assert f"--before {place}" in quarterdeck("traffic", "query", "--limit", "3").err


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (("--endpoint", "flights", "--version", "9"), 0),
        (("--labelled",), 10),
        (("--since", "30h", "--unlabelled"), 27),
        (("--entity", "e1", "--version", "2", "--arm", "champion"), 20),
        (("--id", "p7"), 1),
        (("--endpoint", "flights", "--confidence-below", "0.6"), 19),
    ],
)
def test_query_asks_by_what_is_given(quarterdeck, traffic, options, rows: int) -> None:
    found = quarterdeck("traffic", "query", *options, "--limit", "1000", "--json").json
    assert abs(len(found) - rows) <= (1 if "--since" in options else 0)


@pytest.mark.parametrize(
    "command", [("show", "-e"), ("tail", "-e"), ("query", "-e"), ("export", "--out", "a.csv")], ids=lambda it: it[0]
)
def test_an_endpoint_that_does_not_exist_is_named_with_the_nearest(quarterdeck, traffic, command) -> None:
    said = quarterdeck("traffic", *command, "flihgts")
    assert said.code == 3 and "there is no endpoint flihgts" in said.err and "did you mean flights?" in said.err


def test_show_of_one_endpoint(quarterdeck, traffic) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [record(200, endpoint="fuel")])  # type: ignore[list-item]  # as above
    assert quarterdeck("traffic", "show", "-e", "fuel", "--json").json["rows"] == 1
    assert quarterdeck("traffic", "show", "--json").json["rows"] == 101


def test_show_says_how_many_answers_killed_processes_had_not_logged(quarterdeck, traffic) -> None:
    with traffic.write() as tx:
        add_lost(tx, 12)
    assert quarterdeck("traffic", "show", "--json").json["lost"] == 12
    assert "12 answers that killed processes had not logged" in quarterdeck("traffic", "show").out


@pytest.mark.parametrize("command", [("query",), ("export", "flights", "--out", "a.csv")], ids=lambda it: it[0])
def test_both_commands_have_the_same_filters(quarterdeck, traffic, command) -> None:
    said = quarterdeck("traffic", command[0], "--help").out
    for option in ("--version", "--arm", "--entity", "--since", "--until", "--labelled", "--confidence-below"):
        assert option in said
    assert quarterdeck("traffic", *command, "--arm", "champoin").code == 2
    assert quarterdeck("traffic", *command, "--version", "0").code == 2


def test_what_means_nothing_is_refused(quarterdeck, traffic) -> None:
    assert quarterdeck("traffic", "query", "--confidence-below", "0.6").code == 2
    assert quarterdeck("traffic", "query", "-e", "boats", "--confidence-below", "0.6").code == 3
    assert quarterdeck("traffic", "query", "--since", "yesterday").code == 2
    assert quarterdeck("traffic", "query", "--since", "1h", "--until", "2h").code == 2
    assert quarterdeck("traffic", "export", "boats", "--out", "a.csv").code == 3
    assert quarterdeck("traffic", "export", "flights", "--out", "a.xls").code == 2


@pytest.mark.parametrize("name", ["log.parquet", "log.csv", "log.jsonl"])
def test_export_writes_answers_inputs_and_labels_as_a_table(quarterdeck, traffic, tmp_path, name: str) -> None:
    target = tmp_path / name
    said = quarterdeck("traffic", "export", "flights", "--out", str(target))
    assert said.code == 0 and "100 predictions" in said.err
    read = {"jsonl": pl.read_ndjson, "csv": pl.read_csv, "parquet": pl.read_parquet}[name.partition(".")[2]]
    found = read(target)
    assert found["id"].to_list() == [f"p{n}" for n in range(100)]
    assert found["input.hour"].to_list() == [n % 24 for n in range(100)]
    assert found["answer"].to_list() == [n % 2 for n in range(100)]
    assert found["label"].to_list() == [None if n % 10 else 1 for n in range(100)]
    if name == "log.parquet":
        assert found.schema["at"] == pl.Datetime("us", "UTC") and found["at"][99] == NOW - timedelta(hours=1)
    assert not list(tmp_path.glob(".log*"))


def test_export_of_a_part(quarterdeck, traffic, tmp_path) -> None:
    target = tmp_path / "log.parquet"
    said = quarterdeck("traffic", "export", "flights", "--out", str(target), "--labelled", "--json")
    assert said.json["rows"] == len(pl.read_parquet(target)) == 10
    quarterdeck("traffic", "export", "flights", "--out", str(target), "--version", "7")
    assert len(pl.read_parquet(target)) == 0 and "input.hour" in pl.read_parquet(target).columns


@pytest.mark.parametrize("as_json", [False, True])
def test_tail_follows_new_predictions_until_ctrl_c(root, traffic, as_json: bool) -> None:
    command = [sys.executable, "-m", "quarterdeck.console.main", "traffic", "tail", "-e", "flights", "-n", "2"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK")}
    process = subprocess.Popen(
        [*command, *(["--json"] if as_json else [])], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=kept,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        with traffic.write() as tx:
            append_predictions(tx, [record(200, endpoint="fuel"), record(201)])  # type: ignore[list-item]  # as above
        lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    names = [json.loads(line)["id"] for line in lines] if as_json else [line.split()[4] for line in lines]
    assert names == ["p98", "p99", "p201"]
    if not as_json:
        assert "flights@2" in lines[0] and '{"hour": 2}' in lines[0]


@pytest.mark.slow
def test_a_large_export_takes_bounded_memory(quarterdeck, traffic, tmp_path) -> None:
    peaks = []
    for first, rows in ((1_000, 40_000), (100_000, 360_000)):
        for start in range(first, first + rows, 5_000):
            with traffic.write() as tx:
                append_predictions(tx, [record(n) for n in range(start, start + 5_000)])  # type: ignore[misc]  # as above
        said = quarterdeck("traffic", "export", "flights", "--out", str(tmp_path / "log.parquet"), "--json")
        peaks.append(said.json["peak_bytes"])
    assert len(pl.read_parquet(tmp_path / "log.parquet")) == 400_100
    assert peaks[1] < 1.6 * peaks[0]
