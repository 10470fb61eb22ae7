"""Who answered what: the rows of champion, challenger and shadow, for rollouts and duels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.core.values import CLIENT_ARMS, Arm
from quarterdeck.store import traffic_queries
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import (
    FailureRecord,
    PredictionRecord,
    append_failures,
    append_labels,
    append_predictions,
    open_traffic,
)
from quarterdeck.store.traffic_upgrade import SETTLED


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        yield database


def answer(number: int, version: int, arm: Arm, *, at: int | None = None, latency: int = 1_000) -> PredictionRecord:
    return {
        "id": f"p{number}", "endpoint": "fuel", "version": version, "arm": arm.value, "entity": f"ship {number}",
        "event_at": number, "at": number if at is None else at, "latency_us": latency,
        "inputs": "" if arm is Arm.SHADOW else f'{{"a":{number}}}', "answer": "1", "score": version + number / 10,
        "probabilities": None,
    }  # fmt: skip


def label(number: int, at: int) -> dict[str, object]:
    return {"id": f"p{number}", "endpoint": "fuel", "label": "1", "at": at}


def failure(version: int, arm: Arm, *, at: int, kind: str = "raised", count: int = 1) -> FailureRecord:
    return {"endpoint": "fuel", "version": version, "arm": arm.value, "at": at, "kind": kind, "count": count}


@pytest.fixture
def mixed(traffic: Database) -> Database:
    """Rows 0 to 2 by the champion, with the challenger in shadow; row 3 by the challenger."""
    with traffic.write() as tx:
        for number in range(3):
            ours, theirs = answer(number, 1, Arm.CHAMPION), answer(number, 2, Arm.SHADOW, latency=2_000)
            append_predictions(tx, [ours, theirs])
        append_predictions(tx, [answer(3, 2, Arm.CHALLENGER, latency=3_000)])
        append_labels(tx, [label(number, 100 + number) for number in (3, 1, 0)])
    return traffic


def test_the_rows_of_an_arm_come_in_the_order_of_their_labels(mixed: Database) -> None:
    with mixed.read() as tx:
        both = traffic_queries.arm_rows(tx, "fuel", 2, (Arm.CHALLENGER, Arm.SHADOW))
        clients = traffic_queries.arm_rows(tx, "fuel", 2, CLIENT_ARMS)
    assert [(row.id, row.score, row.latency_us, row.at) for row in both] == [
        ("p3", 2.3, 3_000, 103), ("p1", 2.1, 2_000, 101), ("p0", 2.0, 2_000, 100),
    ]  # fmt: skip
    assert [(row.id, row.entity) for row in clients] == [("p3", "ship 3")]


def test_a_shadow_row_has_the_inputs_that_the_client_sent(mixed: Database) -> None:
    with mixed.read() as tx:
        found = traffic_queries.arm_rows(tx, "fuel", 2, (Arm.SHADOW,))
    assert [row.inputs for row in found] == ['{"a":1}', '{"a":0}']


def test_a_pair_carries_the_row_and_both_latencies(mixed: Database) -> None:
    with mixed.read() as tx:
        first, second = traffic_queries.pairs(tx, "fuel", 1, 2)
    assert (first.id, first.inputs, first.entity, first.at) == ("p1", '{"a":1}', "ship 1", 101)
    assert (first.champion_latency_us, first.challenger_latency_us) == (1_000, 2_000)
    assert second.id == "p0"


def test_a_pair_of_a_champion_that_was_in_shadow_has_the_row_all_the_same(mixed: Database) -> None:
    with mixed.read() as tx:
        pairs = traffic_queries.pairs(tx, "fuel", 2, 1)  # the challenger was promoted, and is challenged back
    assert [pair.inputs for pair in pairs] == ['{"a":1}', '{"a":0}']


def test_the_monitor_reads_the_challengers_answers_to_clients_and_no_shadow(mixed: Database) -> None:
    with mixed.write() as tx:
        read = traffic_queries.predictions_after(tx, 0, limit=100)
        labelled = traffic_queries.labelled_after(tx, 0, limit=100)
        scored = traffic_queries.scored_labels(tx, "fuel", 2, 0, 10)
        answers = traffic_queries.labelled_answers(tx, "fuel", since=-1)
        latency = traffic_queries.latencies(tx, "fuel", None, 0, 10)
        traffic_queries.set_cursor(tx, "labelled", 3)
        traffic_queries.set_cursor(tx, SETTLED, 6)
        before = traffic_queries.is_counted(tx)
        traffic_queries.set_cursor(tx, SETTLED, 7)
        after = traffic_queries.is_counted(tx)
    assert [(row.id, row.version) for row in read] == [("p0", 1), ("p1", 1), ("p2", 1), ("p3", 2)]
    assert [(row.version, row.event_at) for row in labelled] == [(2, 3), (1, 1), (1, 0)]
    assert [row.score for row in scored] == [2.3]
    assert [row.score for row in answers] == [1.0, 1.1, 2.3]
    assert latency.requests == 4
    assert (before, after) == (False, True)


def test_figures_hold_what_fell_into_the_time_and_the_arms(traffic: Database) -> None:
    with traffic.write() as tx:
        rows = [answer(number, 2, Arm.CHALLENGER, at=number, latency=1_000 * (number + 1)) for number in range(100)]
        append_predictions(tx, [*rows, answer(100, 2, Arm.SHADOW, at=50), answer(101, 1, Arm.CHAMPION, at=50)])
        append_failures(tx, [
            failure(2, Arm.CHALLENGER, at=10, count=3), failure(2, Arm.CHALLENGER, at=20, kind="slow", count=7),
            failure(2, Arm.CHALLENGER, at=60), failure(2, Arm.SHADOW, at=10), failure(1, Arm.CHAMPION, at=10),
        ])  # fmt: skip
        found = traffic_queries.arm_figures(tx, "fuel", 2, arms=(Arm.CHALLENGER,), since=10, until=60)
    assert (found.requests, found.failures, found.kinds) == (60, 10, {"raised": 3, "slow": 7})
    assert found.error_rate == pytest.approx(1 / 6)
    assert (found.p50_ms, found.p99_ms) == (36.0, 60.0)


def test_figures_of_a_silent_version_claim_nothing(traffic: Database) -> None:
    with traffic.write() as tx:
        silent = traffic_queries.arm_figures(tx, "fuel", 2, arms=CLIENT_ARMS, since=0, until=100)
        append_failures(tx, [failure(2, Arm.CHALLENGER, at=1)])
        failing = traffic_queries.arm_figures(tx, "fuel", 2, arms=CLIENT_ARMS, since=0, until=100)
    assert (silent.requests, silent.error_rate, silent.p50_ms, silent.p99_ms) == (0, None, None, None)
    assert (failing.requests, failing.error_rate, failing.p99_ms) == (1, 1.0, None)


def test_quantiles_are_of_the_newest_answers_and_counts_of_all(
    traffic: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic_queries, "NEWEST", 10)
    with traffic.write() as tx:
        append_predictions(tx, [answer(n, 2, Arm.CHALLENGER, latency=1_000 * (n + 1)) for n in range(100)])
        found = traffic_queries.arm_figures(tx, "fuel", 2, arms=(Arm.CHALLENGER,), since=0, until=100)
    assert (found.requests, found.p50_ms) == (100, 96.0)
