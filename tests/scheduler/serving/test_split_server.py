"""Canary and A/B traffic through the real server: who answers what, and that no client is ever let down."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Arm, Task
from quarterdeck.store import traffic_queries
from quarterdeck.store.traffic import micros

ROW = {"a": 1.0, "b": 2.0}
SHIPS = [f"ship {number}" for number in range(2_000)]
CHUNK = 400


def begin(lab: Any, number: int, weight: float, *, shadow: bool = True) -> None:
    lab.challenge("line", number)
    lab.split("line", number, weight, shadow=shadow)


def with_weight(lab: Any, server: Any, weight: float) -> None:
    lab.wait_until(lambda: server.endpoint("line")["weight"] == weight)


def versions_of(server: Any, ships: Sequence[str]) -> dict[str, int]:
    """The version that each ship is answered by, asked in batches; every value must be that version's."""
    found: dict[str, int] = {}
    for start in range(0, len(ships), CHUNK):
        part = ships[start : start + CHUNK]
        body = server.predict("line", [{**ROW, "ship": ship} for ship in part]).json()
        for ship, prediction in zip(part, body["predictions"], strict=True):
            version = prediction.get("version", body["version"])
            assert prediction["value"] == version * ROW["a"] + ROW["b"]
            found[ship] = version
    return found


def challenged(versions: dict[str, int]) -> set[str]:
    return {ship for ship, version in versions.items() if version == 2}


def test_the_share_is_near_its_weight_and_sticks_while_it_grows_and_over_a_restart(line_lab: Any) -> None:
    server = line_lab.start()
    begin(line_lab, 2, 5)
    with_weight(line_lab, server, 5)
    few = challenged(versions_of(server, SHIPS))
    assert 60 < len(few) < 140
    line_lab.split("line", 2, 25)
    with_weight(line_lab, server, 25)
    more = challenged(versions_of(server, SHIPS))
    assert 420 < len(more) < 580
    assert few < more
    server.stop()
    server = line_lab.start()
    assert challenged(versions_of(server, SHIPS)) == more
    line_lab.split("line", 2, 100)
    with_weight(line_lab, server, 100)
    assert len(challenged(versions_of(server, SHIPS))) == len(SHIPS)
    line_lab.split("line", 2, 0)
    with_weight(line_lab, server, 0)
    assert challenged(versions_of(server, SHIPS)) == set()


def test_a_request_alone_is_answered_as_the_batch_answered_it(line_lab: Any) -> None:
    begin(line_lab, 2, 40)
    server = line_lab.start()
    together = versions_of(server, SHIPS[:100])
    assert Counter(together.values()).keys() == {1, 2}
    for ship, version in together.items():
        body = server.predict("line", {**ROW, "ship": ship}).json()
        assert body["version"] == version
        assert body["predictions"][0].keys() == {"id", "value"}  # one version's answer looks as it always did


def test_a_mixed_answer_keeps_the_order_and_names_each_version(line_lab: Any) -> None:
    begin(line_lab, 2, 50)
    server = line_lab.start()
    rows = [{"a": float(number % 10), "b": 1.0, "ship": ship} for number, ship in enumerate(SHIPS[:1_200])]
    body = server.predict("line", rows).json()
    assert body["version"] == 1
    assert {prediction["version"] for prediction in body["predictions"]} == {1, 2}
    for row, prediction in zip(rows, body["predictions"], strict=True):
        assert prediction["value"] == prediction["version"] * row["a"] + 1.0
    assert len({prediction["id"] for prediction in body["predictions"]}) == len(rows)


def test_rows_without_an_entity_are_shared_out_by_chance(line_lab: Any) -> None:
    begin(line_lab, 2, 50)
    server = line_lab.start()
    body = server.predict("line", [ROW] * 2_000).json()
    assert 850 < sum(prediction["version"] == 2 for prediction in body["predictions"]) < 1_150
    line_lab.wait_until(lambda: len(line_lab.logged("arm != 'shadow'")) == 2_000)


def test_the_log_says_who_answered_and_the_shadow_only_what_the_champion_answered(line_lab: Any) -> None:
    begin(line_lab, 2, 50)
    server = line_lab.start()
    versions = versions_of(server, SHIPS[:200])
    theirs = challenged(versions)
    line_lab.wait_until(lambda: len(line_lab.logged()) == 200 + 200 - len(theirs))
    arms = {arm: line_lab.logged(f"arm = '{arm}'") for arm in Arm}
    assert {row.entity for row in arms[Arm.CHALLENGER]} == theirs
    assert {row.entity for row in arms[Arm.CHAMPION]} == set(versions) - theirs
    assert {row.id for row in arms[Arm.SHADOW]} == {row.id for row in arms[Arm.CHAMPION]}
    assert {row.version for row in arms[Arm.CHALLENGER]} == {2}
    assert all(row.inputs for row in (*arms[Arm.CHALLENGER], *arms[Arm.CHAMPION]))
    assert line_lab.failures() == {}


def test_without_shadow_the_champions_rows_are_its_alone(line_lab: Any) -> None:
    begin(line_lab, 2, 50, shadow=False)
    server = line_lab.start()
    assert server.endpoint("line")["shadow"] is False
    theirs = challenged(versions_of(server, SHIPS[:200]))
    line_lab.wait_until(lambda: len(line_lab.logged()) == 200)
    line_lab.split("line", 2, 0, shadow=True)  # the weight goes, the shadow comes
    line_lab.wait_until(lambda: server.endpoint("line")["shadow"])
    versions_of(server, SHIPS[:50])
    line_lab.wait_until(lambda: len(line_lab.logged("arm = 'shadow'")) == 50)
    assert len(line_lab.logged("arm = 'challenger'")) == len(theirs)


def test_a_label_for_the_challengers_answer_is_kept_and_found(line_lab: Any) -> None:
    begin(line_lab, 2, 100)
    server = line_lab.start()
    body = server.predict("line", {**ROW, "ship": "Dunlin"}).json()
    name = body["predictions"][0]["id"]
    assert server.client.post("/feedback", json={"id": name, "label": 4.5}).json() == {"accepted": 1}
    with line_lab.traffic.read() as tx:
        (row,) = traffic_queries.arm_rows(tx, "line", 2, (Arm.CHALLENGER,))
        figures = traffic_queries.arm_figures(tx, "line", 2, arms=(Arm.CHALLENGER,), since=0, until=2**62)
    assert (row.id, row.label, row.score, row.entity) == (name, "4.5", 4.0, "Dunlin")
    assert (figures.requests, figures.failures) == (1, 0)
    assert figures.p99_ms is not None


def raising(lab: Any) -> bytes:
    data: bytes = lab.table_model()
    return data


def short(lab: Any) -> bytes:
    data: bytes = lab.short_model()
    return data


@pytest.mark.parametrize(("model", "rows"), [(raising, [{"a": 50.0, "b": 2.0}]), (short, [ROW, {"a": 5.0, "b": 2.0}])])
@pytest.mark.parametrize("weight", [50, 100])
def test_a_challenger_that_fails_never_changes_or_fails_an_answer(
    line_lab: Any, model: Callable[[Any], bytes], rows: list[dict[str, Any]], weight: float
) -> None:
    begin(line_lab, line_lab.add_onnx("line", model(line_lab)), weight, shadow=False)
    server = line_lab.start()
    for ship in SHIPS[:60]:
        response = server.predict("line", [{**row, "ship": ship} for row in rows])
        assert response.status_code == 200
        assert response.json()["version"] == 1
        assert [item["value"] for item in response.json()["predictions"]] == [row["a"] + row["b"] for row in rows]
    line_lab.wait_until(lambda: len(line_lab.logged("arm = 'champion'")) == 60 * len(rows))
    line_lab.wait_until(lambda: line_lab.failures())
    assert line_lab.failures().keys() == {(3, "challenger", "failed")}
    if weight == 100:
        line_lab.wait_until(lambda: line_lab.failures() == {(3, "challenger", "failed"): 60 * len(rows)})
    assert line_lab.logged("arm = 'challenger'") == []
    assert any("canary line@3" in text for text in server.problems())
    line_lab.split("line", 3, 0, shadow=False)
    line_lab.wait_until(lambda: server.problems() == [])


def test_a_challenger_that_hangs_is_stepped_in_for_and_answers_again_when_it_is_back(line_lab: Any) -> None:
    begin(line_lab, line_lab.add_onnx("line", line_lab.slow_model()), 100, shadow=False)
    server = line_lab.start()
    assert server.version_of("line") == 3
    body = server.predict("line", {"a": 12.0, "b": 2.0}).json()  # it is at this for seconds
    assert (body["version"], body["predictions"][0]["value"]) == (1, 14.0)
    assert server.version_of("line") == 1  # not asked while it is
    line_lab.wait_until(lambda: server.version_of("line") == 3)
    line_lab.wait_until(lambda: line_lab.failures().get((3, "challenger", "slow"), 0) >= 2)
    assert line_lab.failures().keys() == {(3, "challenger", "slow")}


def test_a_challenger_that_cannot_be_loaded_has_its_share_answered_by_the_champion(line_lab: Any) -> None:
    begin(line_lab, line_lab.add_onnx("line", b"this is no model"), 100)
    server = line_lab.start()
    line_lab.wait_until(lambda: server.endpoint("line")["weight"] == 100)
    assert server.version_of("line") == 1
    line_lab.wait_until(lambda: (3, "challenger", "not loaded") in line_lab.failures())
    assert any("line@3" in text for text in server.problems())


def test_a_champion_that_fails_is_in_the_record_too(lab: Any) -> None:
    lab.add_onnx("line", lab.table_model())
    lab.add_onnx("line", lab.line_model(2.0))
    lab.promote("line", 1)
    server = lab.start()
    assert server.predict("line", [{"a": 50.0, "b": 0.0}] * 3).status_code == 500
    lab.wait_until(lambda: lab.failures() == {(1, "champion", "failed"): 3})
    begin(lab, 2, 100)
    lab.wait_until(lambda: server.version_of("line") == 2)
    assert server.predict("line", {"a": 50.0, "b": 0.0}).json()["predictions"][0]["value"] == 100.0


COLUMN = Signature(
    fields=(Field(name="c", kind=FieldKind.NUMBER, minimum=0.0, maximum=9.0),), task=Task.REGRESSION, target="y",
    entity="ship",
)  # fmt: skip


def test_a_challenger_with_fields_of_its_own_reads_them_and_the_champion_answers_requests_without(
    line_lab: Any,
) -> None:
    begin(line_lab, line_lab.add_onnx("line", line_lab.column_model(), COLUMN), 100, shadow=False)
    server = line_lab.start()
    body = server.predict("line", {**ROW, "c": 4.0, "ship": "Dunlin"}).json()
    assert (body["version"], body["predictions"][0]["value"]) == (3, 40.0)
    body = server.predict("line", ROW).json()
    assert (body["version"], body["predictions"][0]["value"]) == (1, 3.0)
    line_lab.wait_until(lambda: line_lab.failures() == {(3, "challenger", "fields"): 1})
    assert server.predict("line", {"c": 4.0}).status_code == 422  # the endpoint's fields are the champion's
    assert server.predict("line", {**ROW, "d": 4.0}).status_code == 422
    line_lab.split("line", 3, 0)
    line_lab.wait_until(lambda: server.endpoint("line")["shadow"])
    assert server.predict("line", {**ROW, "c": 5.0}).json()["version"] == 1
    line_lab.wait_until(lambda: [row.score for row in line_lab.logged("arm = 'shadow'")] == [50.0])


def test_weights_that_change_under_load_fail_no_request_and_load_nothing_again(line_lab: Any) -> None:
    server = line_lab.start()
    begin(line_lab, 2, 1)
    with_weight(line_lab, server, 1)
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    stop = threading.Event()

    def ask(client_number: int) -> None:
        with httpx.Client(base_url=server.client.base_url, timeout=30) as client:
            number = 0
            while not stop.is_set():
                number += 1
                response = client.post("/predict/line", json={**ROW, "ship": f"{client_number} {number % 200}"})
                statuses[response.status_code] += 1
                body = response.json()
                if response.status_code != 200 or body["predictions"][0]["value"] != body["version"] + 2.0:
                    wrong.append(response.text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for weight in (5, 25, 50, 100, 50, 0, 100):
            line_lab.split("line", 2, weight)
            with_weight(line_lab, server, weight)
            seen = statuses.total()
            line_lab.wait_until(lambda seen=seen: statuses.total() > seen + 50)
        line_lab.promote("line", 2)
        line_lab.wait_until(lambda: server.endpoint("line")["version"] == 2)
        assert server.endpoint("line")["weight"] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert wrong == []
    assert statuses.keys() == {200}
    assert line_lab.log.read_text().count("line@2 is loaded") == 1


def test_the_pages_show_the_challengers_share_and_count_by_arm(line_lab: Any) -> None:
    server = line_lab.start()
    assert server.endpoint("line")["challenger"] is None
    assert "challengers" not in server.client.get("/readyz").json()
    begin(line_lab, 2, 12.5)
    with_weight(line_lab, server, 12.5)
    versions = versions_of(server, SHIPS[:300])
    theirs = len(challenged(versions))
    ready = server.client.get("/readyz").json()
    assert ready["challengers"] == {"line": {"version": 2, "weight": 12.5, "shadow": True}}
    text = server.client.get("/metrics").text
    assert 'quarterdeck_challenger_weight_percent{model_name="line",model_version="2"} 12.5' in text
    rows = 'quarterdeck_prediction_rows_total{{model_name="line",model_version="{}",arm="{}"}} {}'
    assert rows.format(1, "champion", 300 - theirs) in text
    assert rows.format(2, "challenger", theirs) in text
    shadow = f'quarterdeck_shadow_rows_total{{model_name="line",model_version="2",arm="shadow"}} {300 - theirs}'
    line_lab.wait_until(lambda: shadow in server.client.get("/metrics").text)


def test_event_times_are_the_rows_own_in_either_arm(line_lab: Any) -> None:
    begin(line_lab, 2, 50)
    server = line_lab.start()
    rows = [{**ROW, "ship": ship, "sailed": "2026-02-01T00:00:00Z"} for ship in SHIPS[:50]]
    assert server.predict("line", rows).status_code == 200
    line_lab.wait_until(lambda: len(line_lab.logged("arm != 'shadow'")) == 50)
    assert {row.event_at for row in line_lab.logged()} == {micros(datetime(2026, 2, 1, tzinfo=UTC))}
