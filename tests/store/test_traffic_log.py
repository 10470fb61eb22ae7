"""What a person asks of the prediction log: pages, its end, sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.core.values import Arm
from quarterdeck.store import traffic_log
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import append_labels, append_predictions, micros, open_traffic
from quarterdeck.store.traffic_log import Asked

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 40


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One answer a minute, alternating endpoints; every fourth labelled; shadow answers to the first ten."""
    path = Path(tmp_path_factory.mktemp("log")) / "traffic.db"
    with open_traffic(path) as database:
        with database.write() as tx:
            for n in range(ROWS):
                record = {
                    "id": f"p{n}", "endpoint": "fuel" if n % 2 else "flights", "version": 1 + n // 20,
                    "arm": "champion",
                    "entity": f"e{n % 5}", "event_at": 0, "at": micros(START + timedelta(minutes=n)), "latency_us": n,
                    "inputs": f'{{"n":{n}}}', "answer": "1", "score": n / ROWS, "probabilities": None,
                }  # fmt: skip
                append_predictions(tx, [record])  # type: ignore[list-item]  # a plain dict of the same shape
                if n < 10:
                    shadow = record | {"arm": Arm.SHADOW.value, "version": 9, "inputs": ""}
                    append_predictions(tx, [shadow])  # type: ignore[list-item]  # as above
                if n % 4 == 0:
                    label = {"id": f"p{n}", "endpoint": record["endpoint"], "label": "0", "at": micros(START)}
                    append_labels(tx, [label])
        yield database


def ids(traffic: Database, asked: Asked, **more: int) -> list[str]:
    with traffic.read() as tx:
        return [row.id for row in traffic_log.page(tx, asked, **{"limit": 100, **more})]


CLIENTS = Asked(arm="champion")


def test_a_page_begins_with_the_newest_and_the_next_goes_on_behind_it(traffic: Database) -> None:
    with traffic.read() as tx:
        first = traffic_log.page(tx, CLIENTS, limit=25)
        second = traffic_log.page(tx, CLIENTS, limit=25, before=first[-1].seq)
    assert [row.id for row in (*first, *second)] == [f"p{n}" for n in reversed(range(ROWS))]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(endpoint="fuel"), lambda n: n % 2 == 1),
        (Asked(version=2), lambda n: n >= 20),
        (Asked(entity="e3"), lambda n: n % 5 == 3),
        (Asked(id="p7"), lambda n: n == 7),
        (Asked(since=START + timedelta(minutes=30)), lambda n: n >= 30),
        (Asked(until=START + timedelta(minutes=30)), lambda n: n < 30),
        (Asked(labelled=True), lambda n: n % 4 == 0),
        (Asked(labelled=False), lambda n: n % 4 != 0),
        (Asked(confidence_below=0.6), lambda n: max(n / ROWS, 1 - n / ROWS) < 0.6),
        (Asked(endpoint="flights", labelled=True, entity="e0"), lambda n: n % 20 == 0),
    ],
)
def test_each_question_is_answered(traffic: Database, asked: Asked, expected) -> None:
    assert ids(traffic, replace(asked, arm="champion")) == [f"p{n}" for n in reversed(range(ROWS)) if expected(n)]


def test_a_label_comes_with_its_answer(traffic: Database) -> None:
    with traffic.read() as tx:
        four, five = (traffic_log.page(tx, Asked(id=name, arm="champion"), limit=1)[0] for name in ("p4", "p5"))
    assert (four.label, four.labelled_at, five.label, five.labelled_at) == ("0", START, None, None)


def test_a_shadow_answer_has_the_inputs_of_the_answer_that_the_client_got(traffic: Database) -> None:
    with traffic.read() as tx:
        found = traffic_log.page(tx, Asked(arm="shadow"), limit=100)
    assert [row.inputs for row in found] == [f'{{"n":{n}}}' for n in reversed(range(10))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(limit=st.integers(1, 60))
def test_reading_on_gives_every_row_once_whatever_the_step(traffic: Database, limit: int) -> None:
    place, seen = 0, []
    with traffic.read() as tx:
        while found := traffic_log.following(tx, Asked(), after=place, limit=limit):
            seen += [row.seq for row in found]
            place = found[-1].seq
        assert seen == list(range(1, traffic_log.newest(tx) + 1))


def test_the_sums_are_by_endpoint_version_and_arm(traffic: Database) -> None:
    with traffic.read() as tx:
        found = {(share.endpoint, share.version, share.arm): share.rows for share in traffic_log.shares(tx)}
        assert traffic_log.label_counts(tx) == {"flights": 10}
        assert traffic_log.older_than(tx, START + timedelta(minutes=10)) == 20
    assert found == {
        ("flights", 1, "champion"): 10, ("flights", 2, "champion"): 10, ("flights", 9, "shadow"): 5,
        ("fuel", 1, "champion"): 10, ("fuel", 2, "champion"): 10, ("fuel", 9, "shadow"): 5,
    }  # fmt: skip


def test_an_empty_log_has_nothing(tmp_path: Path) -> None:
    with open_traffic(tmp_path / "traffic.db") as database, database.read() as tx:
        assert (traffic_log.newest(tx), traffic_log.shares(tx), traffic_log.page(tx, Asked(), limit=9)) == (0, [], [])


def test_the_extent_counts_what_an_index_can_tell_and_bounds_the_rest(traffic: Database) -> None:
    with traffic.read() as tx:
        found = traffic_log.extent(tx, Asked(endpoint="fuel", version=9))
        rows = traffic_log.raw_following(tx, Asked(endpoint="fuel", version=9), after=0, upto=found.last, limit=100)
        assert (found.rows, found.first, found.last) == (5, rows[0].seq, rows[-1].seq)
        assert traffic_log.extent(tx, Asked(endpoint="fuel", labelled=True)).rows is None
        none = traffic_log.extent(tx, Asked(endpoint="boats"))
        assert none.rows == 0 and none.first > none.last


def test_rows_of_one_endpoint_are_read_in_their_order_and_not_sorted_for_each_page(traffic: Database) -> None:
    with traffic.read() as tx:
        query = traffic_log._rows(Asked(endpoint="fuel")).order_by(traffic_log._p.seq).limit(5)
        words = query.compile(tx, compile_kwargs={"literal_binds": True})
        plan = " ".join(row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}"))
    assert "TEMP B-TREE" not in plan
