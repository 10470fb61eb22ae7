"""The traffic plan changes under load: no request fails, and what cannot be loaded changes nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import httpx

from quarterdeck.core.values import Arm

ROW = {"a": 1.0, "b": 2.0}


class Load:
    """Clients that ask without a pause, and what they were told."""

    def __init__(self, server: Any, clients: int = 4) -> None:
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._url = f"http://127.0.0.1:{server.port}/predict/line"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                response = client.post(self._url, json=ROW)
                self.statuses[response.status_code] += 1
                body = response.json()
                if response.status_code == 200 and body["predictions"][0]["value"] != body["version"] + 2.0:
                    self.wrong.append(response.text)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def test_promotions_and_rollbacks_under_load_fail_no_request(line_lab: Any) -> None:
    server = line_lab.start()
    with Load(server) as load:
        for _ in range(5):
            line_lab.promote("line", 2)
            line_lab.wait_until(lambda: server.version_of("line") == 2)
            line_lab.rollback("line")
            line_lab.wait_until(lambda: server.version_of("line") == 1)
    assert load.statuses.keys() == {200}
    assert load.statuses[200] > 50
    assert load.wrong == []
    assert line_lab.log.read_text().count("line@2 is loaded") == 1  # it stays loaded: a rollback only swaps


def test_a_promotion_is_live_in_a_moment(line_lab: Any) -> None:
    server = line_lab.start()
    seconds = []
    for number in (2, 1, 2, 1, 2):
        line_lab.promote("line", number)
        started = time.perf_counter()
        line_lab.wait_until(lambda number=number: server.version_of("line") == number)
        seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[2] < 0.15


def test_a_new_version_and_a_new_endpoint_are_served_without_a_restart(line_lab: Any) -> None:
    server = line_lab.start()
    line_lab.add_onnx("line", line_lab.line_model(3.0))
    line_lab.promote("line", 3)
    line_lab.wait_until(lambda: server.version_of("line") == 3)
    assert server.predict("second", ROW).status_code == 404
    line_lab.add_onnx("second", line_lab.line_model(1.0))
    line_lab.wait_until(lambda: server.predict("second", ROW).status_code == 503)
    line_lab.promote("second", 1)
    line_lab.wait_until(lambda: server.predict("second", ROW).status_code == 200)


def test_bytes_that_are_not_what_was_registered_are_never_served(line_lab: Any) -> None:
    server = line_lab.start()
    number = line_lab.add_onnx("line", line_lab.line_model(3.0))
    with line_lab.database.read() as tx:
        sha256 = tx.exec_driver_sql("SELECT onnx FROM version WHERE number = ?", (number,)).scalar_one()
    path = line_lab.workspace.artifacts / sha256[:2] / sha256[2:]
    right = path.read_bytes()
    line_lab.wait_until(lambda: "line@3 is loaded" in line_lab.log.read_text())
    server.stop()
    path.write_bytes(line_lab.line_model(9.0))
    line_lab.promote("line", number)
    server = line_lab.start()
    assert server.predict("line", ROW).status_code == 503
    assert any("line@3" in text and "other bytes" in text for text in server.problems())
    path.write_bytes(right)  # healed: it is tried again by itself
    line_lab.wait_until(lambda: server.predict("line", ROW).status_code == 200)
    assert server.version_of("line") == 3
    assert server.problems() == []


def test_a_version_that_cannot_be_loaded_leaves_the_old_champion_answering(line_lab: Any) -> None:
    server = line_lab.start()
    line_lab.promote("line", line_lab.add_onnx("line", b"this is no model"))
    line_lab.wait_until(lambda: any("line@3" in text for text in server.problems()))
    assert server.version_of("line") == 1
    line_lab.wait_until(lambda: any("line@3" in text for text in line_lab.service().detail["problems"]))
    assert line_lab.service().detail["endpoints"] == {"line": 1}
    line_lab.promote("line", 2)
    line_lab.wait_until(lambda: server.version_of("line") == 2)


def test_a_challenger_answers_in_the_log_alone(line_lab: Any) -> None:
    server = line_lab.start()
    line_lab.challenge("line", 2)
    line_lab.wait_until(lambda: server.client.get("/").json()["endpoints"]["line"]["challenger"] == 2)
    answered = {}
    for _ in range(20):
        body = server.predict("line", ROW).json()
        assert body["version"] == 1
        answered[body["predictions"][0]["id"]] = body["predictions"][0]["value"]
    line_lab.wait_until(lambda: len(line_lab.logged("arm = 'shadow'")) == 20)
    champion = {row.id: row for row in line_lab.logged(f"arm = '{Arm.CHAMPION}'")}
    for row in line_lab.logged("arm = 'shadow'"):
        assert (row.version, row.inputs, row.score) == (2, "", 4.0)
        assert row.event_at == champion[row.id].event_at
        assert champion[row.id].score == answered[row.id] == 3.0
    line_lab.promote("line", 2)
    line_lab.wait_until(lambda: server.version_of("line") == 2)


def test_a_failing_challenger_does_not_touch_the_champion(line_lab: Any) -> None:
    line_lab.add_onnx("line", line_lab.table_model())
    server = line_lab.start()
    line_lab.challenge("line", 3)
    line_lab.wait_until(lambda: server.client.get("/").json()["endpoints"]["line"]["challenger"] == 3)
    for number in range(30):  # beyond the tenth row of its table it fails
        response = server.predict("line", {"a": float(number), "b": 0.0})
        assert response.status_code == 200
        assert response.json()["predictions"][0]["value"] == float(number)
    line_lab.wait_until(lambda: len(line_lab.logged("arm = 'shadow'")) == 10)
    counted = 'shadow_failures_total{model_name="line",model_version="3",arm="shadow"} 20'
    line_lab.wait_until(lambda: counted in server.client.get("/metrics").text)
    assert any("challenger line@3" in text for text in server.problems())


def test_a_champion_that_fails_on_a_row_answers_500_with_an_id_and_the_next_row_right(lab: Any) -> None:
    lab.add_onnx("table", lab.table_model())
    lab.promote("table", 1)
    server = lab.start()
    failed = server.predict("table", {"a": 50.0, "b": 0.0})
    assert failed.status_code == 500
    assert failed.json()["id"] in lab.log.read_text()
    assert "Traceback" not in failed.text
    assert server.predict("table", {"a": 5.0, "b": 0.0}).json()["predictions"][0]["value"] == 105.0
    counted = 'prediction_failures_total{model_name="table",model_version="1",arm="champion"} 1'
    assert counted in server.client.get("/metrics").text
