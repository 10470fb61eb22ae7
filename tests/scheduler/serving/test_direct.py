"""A version asked for by number: it answers, is logged under an arm of its own, and counts for nobody's comparison."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.store import traffic_queries

ROW = {"a": 3.0, "b": 1.0}


def ask(server: Any, version: object, rows: Any = ROW) -> Any:
    return server.client.post(f"/predict/line?version={version}", json=rows)


def test_each_loaded_version_answers_by_its_number(line_lab: Any) -> None:
    server = line_lab.start()
    line_lab.wait_until(lambda: server.client.get("/readyz").json()["loaded"] == {"line": [1, 2]})
    for version, value in ((1, 4.0), (2, 7.0)):
        answer = ask(server, version, [ROW, ROW]).json()
        assert (answer["version"], [row["value"] for row in answer["predictions"]]) == (version, [value, value])
    assert server.predict("line", ROW).json()["version"] == 1


def test_what_was_asked_by_number_is_logged_and_not_taken_for_clients_traffic(line_lab: Any) -> None:
    line_lab.challenge("line", 2)
    line_lab.split("line", 2, 0.0, shadow=True)
    server = line_lab.start()
    line_lab.wait_until(lambda: server.endpoint("line")["challenger"] == 2)
    for version in (1, 2, 2):
        assert ask(server, version).status_code == 200
    server.predict("line", ROW)
    line_lab.wait_until(lambda: len(line_lab.logged()) == 5)  # three, and the champion's with its shadow
    assert sorted((row.version, row.arm) for row in line_lab.logged()) == [
        (1, "champion"), (1, "direct"), (2, "direct"), (2, "direct"), (2, "shadow"),
    ]  # fmt: skip
    with line_lab.traffic.read() as tx:
        assert [row.arm for row in traffic_queries.predictions_after(tx, 0, limit=10)] == ["champion"]
    metrics = server.client.get("/metrics").text
    assert 'quarterdeck_prediction_rows_total{model_name="line",model_version="2",arm="direct"} 2' in metrics


@pytest.mark.parametrize(("version", "status"), [("9", 404), ("0", 400), ("two", 400), ("", 400), ("-1", 400)])
def test_a_version_that_is_not_there_is_refused_by_name(line_lab: Any, version: str, status: int) -> None:
    server = line_lab.start()
    answer = ask(server, version)
    assert answer.status_code == status, answer.text
    assert "line@9 is not loaded" in answer.text if status == 404 else "?version=3" in answer.text


def test_a_version_that_fails_is_counted_under_its_own_arm(line_lab: Any) -> None:
    line_lab.add_onnx("line", line_lab.table_model())
    server = line_lab.start()
    line_lab.wait_until(lambda: server.client.get("/readyz").json()["loaded"] == {"line": [1, 3]})
    assert ask(server, 3, {"a": 50.0, "b": 1.0}).status_code == 500
    line_lab.wait_until(line_lab.failures)
    assert [(version, arm) for version, arm, _ in line_lab.failures()] == [(3, "direct")]
