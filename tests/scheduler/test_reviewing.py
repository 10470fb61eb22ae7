"""Predictions from the log to a person, and their labels from the person to log and training: each once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.pipeline.components.join_labels import join_labels
from quarterdeck.core.pipeline.components.review_labels import review_labels as labels_table
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.registry import Version
from quarterdeck.core.review import GRACE, State
from quarterdeck.core.review_item import Item
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.values import Engine, Task, VersionState
from quarterdeck.scheduler.reviewing import PLACE, Reviewing
from quarterdeck.scheduler.state import State as Workspace
from quarterdeck.store import (
    pipelines,
    registry,
    review_deciding,
    review_queues,
    reviews,
    steps,
    traffic_queries,
    traffic_removal,
)
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.labels import labels_of
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, micros
from quarterdeck.store.traffic_windows import SETTLED

HERE = "production"
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=1),),
    task=Task.BINARY, target="late", entity="flight", time="at", classes=(0, 1),
)  # fmt: skip
SPEC = ReviewSpec(confidence_below=0.6, random_share=0.1)
Manifests = Mapping[str, Manifest]


def manifests_of(state: Workspace, spec: ReviewSpec | None) -> Manifests:
    manifest = Manifest(
        name="flights", task=Task.BINARY, target="late", entity="flight", time="at", steps=(),
        folder=state.workspace.root, review=spec,
    )  # fmt: skip
    return {"flights": manifest}


@pytest.fixture(autouse=True)
def version(state: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """One version; the same predictions are drawn in every run of the tests."""
    monkeypatch.setattr("quarterdeck.store.review_queues.secrets.token_hex", lambda _: "salt")
    kept = ArtifactStore(state.workspace.artifacts).put(b"model")
    draft = Version(
        model="flights", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256,
        onnx=None, engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE, metrics={},
        verdicts=(), profile=None, trained_from=None, trained_to=None, rows=1, size_bytes=1,
    )  # fmt: skip
    about = pipelines.Pipeline(name="flights", task=Task.BINARY, description="", owner="", digest="", synced_at=now)
    with state.database.write() as tx:
        pipelines.put(tx, about)
        steps.record_artifact(tx, kept.sha256, kind="model", size=1, now=now)
        registry.register(tx, draft, Audit(actor="ops", environment=HERE, at=now, reason="r"))


def answer(number: int, at: datetime, score: float, **changes: Any) -> PredictionRecord:
    record: dict[str, Any] = {
        "id": f"p{number}", "endpoint": "flights", "version": 1, "arm": "champion", "entity": f"UA{number}",
        "event_at": micros(at), "at": micros(at), "latency_us": 1, "inputs": json.dumps({"x": score}),
        "answer": str(int(score >= 0.5)), "score": score, "probabilities": None,
    }  # fmt: skip
    return record | changes  # type: ignore[return-value]  # a record with some of its values changed


def send(state: Workspace, *records: PredictionRecord) -> None:
    with state.traffic.write() as tx:
        append_predictions(tx, records)


def label(state: Workspace, values: Mapping[str, str], now: datetime) -> None:
    rows = [{"id": name, "endpoint": "flights", "label": text, "at": micros(now)} for name, text in values.items()]
    with state.traffic.write() as tx:
        append_labels(tx, rows)


def items(state: Workspace) -> list[Item]:
    with state.database.read() as tx:
        return reviews.chosen(tx, HERE, "flights")


def decide(state: Workspace, item: Item, person: str, label: str, now: datetime) -> None:
    with state.database.write() as tx:
        review_deciding.decide(tx, item.id, person, label, now)


def test_unsure_ones_wait_for_sure_and_of_the_others_about_as_many_as_the_share_says(
    state: Workspace, now: datetime
) -> None:
    send(state, *(answer(n, now, 0.45) for n in range(20)), *(answer(n, now, 0.9) for n in range(20, 1020)))
    Reviewing(state).tick(manifests_of(state, SPEC), now)
    found = items(state)
    unsure, by_chance = [i for i in found if i.stratum == "unsure"], [i for i in found if i.stratum == "random"]
    assert len(unsure) == 20 and 60 <= len(by_chance) <= 140
    assert {(i.probability, i.why) for i in unsure} == {(1.0, "confidence 0.55 under 0.6")}
    assert {(i.probability, i.why) for i in by_chance} == {(0.1, "random 10 %")}
    item = unsure[0]
    assert (item.fields(), item.answer, item.entity, item.event_at) == ({"x": 0.45}, "0", "UA0", now)


def test_after_a_crash_between_the_two_databases_nothing_waits_twice_and_nothing_is_missing(
    state: Workspace, now: datetime
) -> None:
    manifests = manifests_of(state, SPEC)
    send(state, *(answer(n, now, n / 400) for n in range(400)))
    Reviewing(state).tick(manifests, now)
    once = items(state)
    with state.traffic.write() as tx:
        traffic_queries.set_cursor(tx, PLACE, 0)  # as if the daemon had died before it kept its place
    Reviewing(state).tick(manifests, now)
    assert items(state) == once


def test_what_no_client_got_and_what_is_too_old_waits_for_nobody(state: Workspace, now: datetime) -> None:
    send(
        state,
        answer(1, now, 0.5, arm="shadow"),
        answer(2, now, 0.5, arm="batch"),
        answer(3, now - timedelta(days=31), 0.5),
        answer(4, now, 0.5, version=9),
        answer(5, now, 0.5, endpoint="fuel"),
        answer(6, now, 0.5, arm="challenger"),
    )
    Reviewing(state).tick(manifests_of(state, SPEC), now)
    assert [item.prediction_id for item in items(state)] == ["p6"]


def test_without_the_section_nothing_is_read_and_what_waits_stays_when_it_is_taken_out(
    state: Workspace, now: datetime
) -> None:
    job = Reviewing(state)
    send(state, answer(1, now, 0.5))
    job.tick(manifests_of(state, None), now)
    assert items(state) == []
    job.tick(manifests_of(state, SPEC), now)
    send(state, answer(2, now, 0.5))
    job.tick(manifests_of(state, None), now)
    assert [item.prediction_id for item in items(state)] == ["p1"]
    with state.database.read() as tx:
        queue = review_queues.find(tx, HERE, "flights")
    assert queue is not None and not queue.enabled


def test_an_input_outside_what_training_saw_waits_where_the_manifest_says_so(state: Workspace, now: datetime) -> None:
    send(state, answer(1, now, 0.99, inputs='{"x": 1.5}'), answer(2, now, 0.99, inputs='{"x": 0.5}'))
    Reviewing(state).tick(manifests_of(state, ReviewSpec(outside_range=True, random_share=0.0)), now)
    assert [(item.prediction_id, item.why) for item in items(state)] == [("p1", "x 1.5 above 1")]


def test_a_full_queue_is_thinned_and_the_probabilities_say_so(state: Workspace, now: datetime) -> None:
    """What is left stands for all: the sum of one over the probabilities is near the number that came."""
    job, manifests = Reviewing(state), manifests_of(state, replace(SPEC, most_waiting=200))
    for batch in range(4):
        send(state, *(answer(n, now, 0.5) for n in range(batch * 500, batch * 500 + 500)))
        job.tick(manifests, now)
    found = items(state)
    assert len(found) <= 200
    stands_for = sum(1 / item.probability for item in found)
    assert {item.probability for item in found} == {found[0].probability} and found[0].probability < 0.2
    assert stands_for == pytest.approx(2000, rel=0.35)
    with state.database.read() as tx:
        queue = review_queues.find(tx, HERE, "flights")
    assert queue is not None and queue.rate == found[0].probability and queue.thinned + len(found) <= 2000


def test_an_emptied_queue_takes_all_again(state: Workspace, now: datetime) -> None:
    job, manifests = Reviewing(state), manifests_of(state, replace(SPEC, most_waiting=20))
    send(state, *(answer(n, now, 0.5) for n in range(200)))
    job.tick(manifests, now)
    for number, item in enumerate(items(state)):
        decide(state, item, "ann", "1", now + timedelta(seconds=number))
    for second in range(12):
        job.tick(manifests, now + timedelta(minutes=10, seconds=second))
    with state.database.read() as tx:
        queue = review_queues.find(tx, HERE, "flights")
    assert queue is not None and queue.rate == 1.0


def test_a_label_by_feedback_answers_what_waits_also_one_that_came_before(state: Workspace, now: datetime) -> None:
    job, manifests = Reviewing(state), manifests_of(state, SPEC)
    send(state, answer(1, now, 0.5), answer(2, now, 0.5))
    label(state, {"p1": "1"}, now)
    job.tick(manifests, now)
    label(state, {"p2": "0"}, now)
    job.tick(manifests, now + timedelta(seconds=2))
    assert [(item.state, item.label) for item in items(state)] == [(State.ANSWERED, "1"), (State.ANSWERED, "0")]


@pytest.fixture
def decided(state: Workspace, now: datetime) -> tuple[Reviewing, Manifests, Item]:
    """One prediction that ann has judged to be 1."""
    job, manifests = Reviewing(state), manifests_of(state, SPEC)
    send(state, answer(1, now, 0.45))
    job.tick(manifests, now)
    (item,) = items(state)
    decide(state, item, "ann", "1", now)
    return job, manifests, item


def kept(state: Workspace) -> dict[str, str]:
    with state.traffic.read() as tx:
        return labels_of(tx, ["p1"])


def file_of(state: Workspace) -> Path:
    return state.workspace.state / "labels" / "flights.jsonl"


def test_a_decision_becomes_a_label_after_its_grace(
    state: Workspace, now: datetime, decided: tuple[Reviewing, Manifests, Item]
) -> None:
    job, manifests, _ = decided
    job.tick(manifests, now + timedelta(seconds=30))
    assert kept(state) == {} and not file_of(state).exists()
    job.tick(manifests, now + GRACE)
    assert kept(state) == {"p1": "1"} and items(state)[0].state is State.USED
    (line,) = [json.loads(text) for text in file_of(state).read_text().splitlines()]
    assert (line["entity"], line["label"], line["answer"], line["by"]) == ("UA1", 1, 0, ["ann"])


def test_it_reaches_the_training_rows_by_entity_and_time(
    state: Workspace, now: datetime, decided: tuple[Reviewing, Manifests, Item]
) -> None:
    import polars as pl

    job, manifests, _ = decided
    job.tick(manifests, now + GRACE)
    pipeline = PipelineInfo(
        name="flights", task=Task.BINARY, target="late", entity="flight", time="at", seed=0,
        workspace=state.workspace.root,
    )  # fmt: skip
    rows = pl.DataFrame({"flight": ["UA1", "UA2"], "at": [now, now], "late": [0, 0]})
    found = join_labels(rows, labels_table(pipeline=pipeline), pipeline=pipeline)
    assert found["late"].to_list() == [1, 0]


def test_a_daemon_that_died_after_writing_the_log_finds_its_own_label_there(
    state: Workspace, now: datetime, decided: tuple[Reviewing, Manifests, Item]
) -> None:
    _, manifests, _ = decided
    label(state, {"p1": "1"}, now)  # what the dead one had written
    Reviewing(state).tick(manifests, now + GRACE)
    assert kept(state) == {"p1": "1"} and items(state)[0].state is State.USED


def test_another_label_by_feedback_makes_a_conflict_and_the_log_keeps_the_first(
    state: Workspace, now: datetime, decided: tuple[Reviewing, Manifests, Item]
) -> None:
    job, manifests, item = decided
    label(state, {"p1": "0"}, now)
    job.tick(manifests, now + GRACE)
    assert items(state)[0].state is State.CONFLICT and not file_of(state).exists()
    decide(state, item, "bob", "1", now + GRACE)
    job.tick(manifests, now + 2 * GRACE)
    assert items(state)[0].state is State.USED and kept(state) == {"p1": "0"}
    assert json.loads(file_of(state).read_text())["label"] == 1


def test_a_prediction_that_the_log_has_forgotten_still_teaches(
    state: Workspace, now: datetime, decided: tuple[Reviewing, Manifests, Item]
) -> None:
    job, manifests, _ = decided
    with state.traffic.write() as tx:
        traffic_queries.set_cursor(tx, SETTLED, 99)
        assert traffic_removal.remove(tx, 0, 99, before=None, holds=[], now=0) == (1, 0)
    job.tick(manifests, now + GRACE)
    assert kept(state) == {} and json.loads(file_of(state).read_text())["label"] == 1


def test_a_file_that_is_gone_is_made_again(
    state: Workspace, now: datetime, decided: tuple[Reviewing, Manifests, Item]
) -> None:
    job, manifests, _ = decided
    job.tick(manifests, now + GRACE)
    text = file_of(state).read_text()
    file_of(state).unlink()
    Reviewing(state).tick(manifests, now + 2 * GRACE)
    assert file_of(state).read_text() == text


def test_what_nobody_looks_at_expires(state: Workspace, now: datetime) -> None:
    job, manifests = Reviewing(state), manifests_of(state, SPEC)
    send(state, answer(1, now, 0.5))
    job.tick(manifests, now)
    job.tick(manifests, now + SPEC.expires)
    assert [item.state for item in items(state)] == [State.EXPIRED]


def test_a_long_log_is_read_in_steps_and_to_its_end(
    state: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.scheduler.reviewing.BATCH", 7)
    job, manifests = Reviewing(state), manifests_of(state, SPEC)
    send(state, *(answer(n, now, 0.5) for n in range(20)), answer(99, now, 0.5, arm="shadow"))
    for _ in range(4):
        job.tick(manifests, now)
    assert len(items(state)) == 20
    with state.traffic.read() as tx:
        assert traffic_queries.cursor(tx, PLACE) == 21
