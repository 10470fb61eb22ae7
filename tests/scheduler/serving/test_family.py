"""Several processes on one port: they answer together, outlive each other's deaths, and leave none behind."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from quarterdeck.core.errors import UnavailableError
from quarterdeck.scheduler.serving.listener import listen
from quarterdeck.scheduler.serving.snapshots import orphans

ROW = {"a": 1.0, "b": 1.0}
COUNT = "quarterdeck_prediction_requests_total"


@pytest.fixture
def pair(tmp_path: Path, make_lab: Callable[..., Any]) -> Iterator[Any]:
    """A workspace whose server has two processes."""
    lab = make_lab(tmp_path / "pair", processes=2)
    lab.add_onnx("line", lab.line_model(1.0))
    lab.promote("line", 1)
    yield lab
    lab.close()


def started(lab: Any) -> tuple[Any, list[int]]:
    """The server, and the processes of it that answer."""
    server = lab.start()
    pids = lab.wait_until(lambda: found if len(found := pids_of(lab)) == 2 else None)
    return server, pids


def pids_of(lab: Any) -> list[int]:
    found: list[int] = lab.service().detail.get("processes", [])
    return [pid for pid in found if psutil.pid_exists(pid)]


def ask(server: Any, path: str = "/predict/line", body: Any = ROW) -> httpx.Response:
    """On a connection of its own, so that any of the processes may take it."""
    return httpx.post(f"{server.client.base_url}{path}".replace("//p", "/p").replace("//f", "/f"), json=body)


def counted(server: Any) -> float:
    text = server.client.get("/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == COUNT)


def test_both_answer_and_either_counts_for_both(pair: Any) -> None:
    server, pids = started(pair)
    assert server.process.pid in pids
    answered = 0

    def both_have() -> bool:
        nonlocal answered
        assert ask(server).status_code == 200
        answered += 1
        files = sorted(pair.workspace.run.glob("server-*.counts"))
        return len(files) == 2 and all('"line"' in file.read_text() for file in files)

    pair.wait_until(both_have)
    pair.wait_until(lambda: counted(server) == answered)
    pair.wait_until(lambda: len(pair.logged()) == answered)


def test_a_label_finds_its_prediction_in_whichever_process_it_was_made(pair: Any) -> None:
    server, _ = started(pair)
    for number in range(40):
        name = ask(server).json()["predictions"][0]["id"]
        assert ask(server, "/feedback", {"id": name, "label": number}).status_code == 200
    assert len(pair.labels()) == 40
    unknown = ask(server, "/feedback", {"id": "00000000-0000-7000-8000-000000000000", "label": 1.0})
    assert unknown.status_code == 404


def test_one_that_is_killed_is_replaced_and_nothing_is_counted_twice_or_forgotten(pair: Any) -> None:
    server, pids = started(pair)
    for _ in range(20):
        assert ask(server).status_code == 200
    pair.wait_until(lambda: counted(server) == 20)
    (other,) = [pid for pid in pids if pid != server.process.pid]
    os.kill(other, signal.SIGKILL)
    pair.wait_until(lambda: len(set(pids_of(pair)) - {other}) == 2)
    assert ask(server).status_code == 200
    pair.wait_until(lambda: counted(server) == 21)


@pytest.mark.slow
def test_a_server_that_stops_leaves_nobody_behind(pair: Any) -> None:
    server, pids = started(pair)
    (other,) = [psutil.Process(pid) for pid in pids if pid != server.process.pid]
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    other.wait(30)
    assert ask(pair.start()).status_code == 200


def test_when_the_first_is_killed_the_other_goes_on_until_another_server_is_ready(pair: Any) -> None:
    server, pids = started(pair)
    (other,) = [psutil.Process(pid) for pid in pids if pid != server.process.pid]
    server.process.kill()
    server.process.wait(30)
    for _ in range(20):
        assert ask(server).status_code == 200
    again = pair.start()
    other.wait(30)
    assert ask(again).status_code == 200
    pair.wait_until(lambda: len(pair.logged()) == 21)


def test_only_processes_of_one_server_share_a_port() -> None:
    with listen("127.0.0.1", 0, shared=True) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port, shared=True, beside=True) as second:
            assert second.getsockname()[1] == port
        for shared in (False, True):
            with pytest.raises(UnavailableError, match="cannot be used"):
                listen("127.0.0.1", port, shared=shared)


def test_a_copied_workspace_does_not_share_the_port_of_the_first(pair: Any, tmp_path: Path) -> None:
    started(pair)
    assert orphans(pair.workspace.run, pair.workspace.root)
    copy = Path(shutil.copytree(pair.workspace.run, tmp_path / "copy" / "run"))
    assert not orphans(copy, tmp_path / "copy")


def test_connections_are_spread_over_the_processes(pair: Any) -> None:
    server, pids = started(pair)
    clients = [httpx.Client(base_url=server.client.base_url) for _ in range(64)]
    try:
        for client in clients:
            assert client.post("/predict/line", json=ROW).status_code == 200
        held = {pid: len(psutil.Process(pid).net_connections("tcp")) for pid in pids}
        assert min(held.values()) > 8, held  # of 64 by chance alone: fewer than one in a million
    finally:
        for client in clients:
            client.close()
