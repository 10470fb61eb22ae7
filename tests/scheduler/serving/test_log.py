"""What was answered is in traffic.db, and labels find it there."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from quarterdeck.core.values import Engine
from quarterdeck.store.traffic import moment

ROW = {"a": 1.0, "b": 2.0}


def only_id(response: Any) -> str:
    assert response.status_code == 200, response.text
    (prediction,) = response.json()["predictions"]
    name: str = prediction["id"]
    return name


def test_a_prediction_is_logged_with_inputs_answer_entity_and_times(line_lab: Any) -> None:
    server = line_lab.start()
    row = {"a": 1, "b": None, "ship": 7, "sailed": "2025-06-01T10:00:00+02:00"} | {"b": 2.0}
    name = only_id(server.predict("line", row))
    (logged,) = line_lab.wait_until(line_lab.logged)
    assert (logged.id, logged.endpoint, logged.version, logged.arm) == (name, "line", 1, "champion")
    assert json.loads(logged.inputs) == row
    assert (logged.entity, logged.answer, logged.score, logged.probabilities) == ("7", "3.0", 3.0, None)
    assert moment(logged.event_at).isoformat() == "2025-06-01T08:00:00+00:00"
    assert 0 < logged.latency_us < 5_000_000
    assert logged.at > logged.event_at


def test_without_a_time_the_event_is_the_answers(line_lab: Any) -> None:
    line_lab.start().predict("line", ROW)
    (logged,) = line_lab.wait_until(line_lab.logged)
    assert logged.event_at == logged.at
    assert logged.entity is None


def test_a_multiclass_answer_is_logged_with_its_probabilities(lab: Any) -> None:
    lab.add_fitted("sort", lab.sorter(), Engine.SKLEARN)
    lab.promote("sort", 1)
    response = lab.start().predict("sort", {"a": 2.0, "b": 2.0})
    (logged,) = lab.wait_until(lab.logged)
    expected = response.json()["predictions"][0]["probabilities"]
    assert json.loads(logged.answer) == "high"
    assert json.loads(logged.probabilities) == list(expected.values())
    assert logged.score == max(expected.values())


def test_a_label_can_follow_its_prediction_at_once(line_lab: Any) -> None:
    server = line_lab.start()
    for number in range(20):
        name = only_id(server.predict("line", ROW))
        response = server.client.post("/feedback", json={"id": name, "label": number})
        assert (response.status_code, response.json()) == (200, {"accepted": 1})
        assert line_lab.labels()[name] == number  # on the disk before the answer
    assert len(line_lab.labels()) == 20


def test_a_label_again_another_label_and_a_wrong_one(line_lab: Any) -> None:
    server = line_lab.start()
    name = only_id(server.predict("line", ROW))

    def send(label: Any, prediction: str = name) -> int:
        status: int = server.client.post("/feedback", json={"id": prediction, "label": label}).status_code
        return status

    assert [send(3.0), send(3), send(4.0), send("three"), send(1.0, "nobody")] == [200, 200, 409, 422, 404]
    assert line_lab.labels() == {name: 3.0}


def test_a_list_of_labels_is_judged_one_by_one(line_lab: Any) -> None:
    server = line_lab.start()
    body = server.predict("line", [ROW] * 3).json()
    names = [prediction["id"] for prediction in body["predictions"]]
    good = [{"id": name, "label": 1.0} for name in names]
    response = server.client.post("/feedback", json=[*good, {"id": "nobody", "label": 1.0}])
    assert response.status_code == 207
    assert response.json()["accepted"] == 3
    (problem,) = response.json()["problems"]
    assert (problem["index"], problem["id"], problem["status"]) == (3, "nobody", 404)
    again = server.client.post("/feedback", json=good)
    assert (again.status_code, again.json()) == (200, {"accepted": 3, "problems": []})
    assert line_lab.labels() == dict.fromkeys(names, 1.0)


def test_a_label_is_judged_by_the_models_task_where_no_version_is_live(line_lab: Any) -> None:
    server = line_lab.start()
    name = only_id(server.predict("line", ROW))
    line_lab.wait_until(line_lab.logged)
    with line_lab.database.write() as tx:
        tx.exec_driver_sql("DELETE FROM alias")
    line_lab.wait_until(lambda: server.predict("line", ROW).status_code == 503)
    assert server.client.post("/feedback", json={"id": name, "label": "x"}).status_code == 422
    assert server.client.post("/feedback", json={"id": name, "label": 1.0}).status_code == 200


def test_a_locked_log_keeps_nobody_waiting_and_loses_nothing(line_lab: Any) -> None:
    server = line_lab.start()
    with closing(sqlite3.connect(line_lab.workspace.traffic_database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        names = [only_id(server.predict("line", ROW)) for _ in range(50)]
        line_lab.wait_until(lambda: any("prediction log" in text for text in server.problems()))
        refused = server.client.post("/feedback", json={"id": names[0], "label": 1.0})
        assert refused.status_code == 503
        line_lab.wait_until(lambda: line_lab.service().detail["log_pending"] == 50)
        assert any("locked" in text for text in line_lab.service().detail["problems"])
        other.execute("ROLLBACK")
    line_lab.wait_until(lambda: len(line_lab.logged()) == 50)
    assert {row.id for row in line_lab.logged()} == set(names)
    line_lab.wait_until(lambda: not server.problems())
    assert line_lab.labels() == {}
