"""`quarterdeck predict`: rows from anywhere, to a server over HTTP, answers to anywhere."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import polars as pl
import pytest

from quarterdeck.core.values import ServiceKind
from quarterdeck.store import services


class Handler(BaseHTTPRequestHandler):
    """Answers as the prediction server does: twice the hour, and a refusal of hours above 23."""

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(len(rows))  # type: ignore[attr-defined]  # given by the fixture
        wrong = [at for at, row in enumerate(rows) if row["hour"] > 23]
        if self.path != "/predict/flights":
            self._answer(404, {"error": "there is no endpoint", "where": self.path, "hint": "look"})
        elif wrong:
            said = {"error": "expected at most 23", "where": f"row {wrong[0]}, field hour", "hint": None}
            self._answer(422, said)
        else:
            predictions = [{"id": f"p{at}", "value": 2.0 * row["hour"]} for at, row in enumerate(rows)]
            self._answer(200, {"endpoint": "flights", "version": 2, "predictions": predictions})

    def _answer(self, status: int, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests need no access log."""


@pytest.fixture
def server(database) -> Iterator[ThreadingHTTPServer]:
    """Something that speaks the server's protocol, announced in the workspace as the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = []  # type: ignore[attr-defined]  # what the handler counts
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with database.write() as tx:
            services.announce(
                tx, ServiceKind.SERVER, "main", pid=os.getpid(), now=datetime.now(UTC), host="127.0.0.1",
                port=server.server_address[1],
            )  # fmt: skip
        yield server
        server.shutdown()
        thread.join()


def test_one_row_is_answered(quarterdeck, server) -> None:
    said = quarterdeck("predict", "flights", "--row", '{"hour": 4}', "--json")
    assert said.json == [{"id": "p0", "value": 8.0}]
    assert "8.0" in quarterdeck("predict", "flights", "--row", '{"hour": 4}').out


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.csv", "rows.parquet"])
def test_rows_come_from_a_file_in_chunks_and_answers_go_to_a_json_file(
    quarterdeck, server, tmp_path, name: str
) -> None:
    hours = [at % 24 for at in range(1201)]
    frame, source, target = pl.DataFrame({"hour": hours}), tmp_path / name, tmp_path / "out.json"
    {
        "json": frame.write_json,
        "jsonl": frame.write_ndjson,
        "csv": frame.write_csv,
        "parquet": frame.write_parquet,
    }[name.partition(".")[2]](source)
    said = quarterdeck("predict", "flights", "--in", str(source), "--out", str(target))
    assert said.code == 0, said.err
    assert server.seen == [500, 500, 201]
    assert pl.read_json(target)["value"].to_list() == [2.0 * hour for hour in hours]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_answers_to_json_go_to_a_file_of_any_format(quarterdeck, server, tmp_path, name: str) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([{"hour": 3}, {"hour": 4}]))
    said = quarterdeck("predict", "flights", "--in", str(tmp_path / "rows.json"), "--out", str(tmp_path / name))
    assert said.code == 0, said.err
    read = {"jsonl": pl.read_ndjson, "csv": pl.read_csv, "parquet": pl.read_parquet}[name.partition(".")[2]]
    assert read(tmp_path / name)["value"].to_list() == [6.0, 8.0]


def test_what_is_of_files_is_refused_elsewhere(quarterdeck, server) -> None:
    for option in (("--version", "2"), ("--on-error", "skip"), ("--no-log",), ("--restart",)):
        assert quarterdeck("predict", "flights", "--row", '{"hour": 1}', *option).code == 2
    assert server.seen == []


def test_rows_come_from_stdin(quarterdeck, server) -> None:
    assert len(quarterdeck("predict", "flights", "--json", stdin='{"rows": [{"hour": 1}, {"hour": 2}]}').json) == 2


def test_a_refused_row_is_named_and_no_file_is_left(quarterdeck, server, tmp_path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([{"hour": 1}, {"hour": 99}]))
    said = quarterdeck("predict", "flights", "--in", str(tmp_path / "rows.json"), "--out", str(tmp_path / "out.json"))
    assert said.code == 1
    assert said.err == "error: expected at most 23\nwhere: row 1, field hour\n"
    assert not (tmp_path / "out.json").exists()


def test_an_endpoint_that_is_not_there_is_exit_3(quarterdeck, server) -> None:
    assert quarterdeck("predict", "boats", "--row", '{"hour": 1}').code == 3


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (("--row", "{"), "", 1),
        (("--row", "[1]"), "", 1),
        (("--in", "rows.txt"), "", 2),
        (("--in", "rows.csv"), "", 3),
        (("--row", "{}", "--in", "rows.csv"), "", 2),
        ((), "[1, 2]", 1),
        ((), "", 1),
    ],
)
def test_what_is_no_row_is_refused_before_anything_is_asked(quarterdeck, server, arguments, stdin, code) -> None:
    assert quarterdeck("predict", "flights", *arguments, stdin=stdin).code == code
    assert server.seen == []


def test_without_a_server_it_says_how_to_start_one(quarterdeck) -> None:
    said = quarterdeck("predict", "flights", "--row", '{"hour": 1}')
    assert said.code == 7
    assert "quarterdeck serve" in said.err
