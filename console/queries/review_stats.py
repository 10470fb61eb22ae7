"""What a model's review has shown: the queue, its people, how far they agree, and how good the model is by them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.review import FEEDBACK, State
from quarterdeck.core.review_estimates import MetricEstimate, Reviewed, estimates
from quarterdeck.core.review_item import Item, Queue, Said
from quarterdeck.core.statistics.kappa import Agreement, agreement
from quarterdeck.core.values import Alias, RunStatus
from quarterdeck.store import registry, review_queues, reviews, runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Reviewer:
    """One person's decisions that stand."""

    person: str
    decided: int
    accepted: int  # of them, with the model's answer as the label
    corrected: int
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewStats:
    """`metrics` are of one version's predictions, everything else of all."""

    model: str
    version: int
    queue: Queue
    states: Mapping[State, int]
    skips: int
    reviewers: tuple[Reviewer, ...]
    agreement: Agreement | None  # of the first two people on each item that two have judged
    reasons: Mapping[str, int]  # of corrections
    chosen: Mapping[str, int]  # of the version's predictions, why they were chosen
    labelled: Mapping[str, int]  # of those, how many have a label
    metrics: tuple[MetricEstimate, ...]
    trained_at: datetime | None  # when the last run that succeeded began
    labels_since: int  # labels of people that came into the training data since then


def stats(
    tx: Connection, environment: str, model: str, *, version: int | None = None, since: datetime | None = None
) -> ReviewStats:
    """Of a version (None: the champion, else the newest), for predictions answered at `since` or later.

    NotFoundError where the model has no queue, or no such version.
    """
    queue = review_queues.find(tx, environment, model)
    if queue is None:
        hint = "[review] in its pipeline.toml asks for one; the daemon makes it"
        raise NotFoundError(f"{model} has no review queue in {environment}", hint=hint)
    number = version or _version(tx, environment, model)
    signature = registry.get(tx, model, number).signature
    items = reviews.chosen(tx, environment, model, since=since)
    said = reviews.said_of(tx, [item.id for item in items])
    mine = [item for item in items if item.version == number]
    trained = _trained_at(tx, model)
    return ReviewStats(
        model=model,
        version=number,
        queue=queue,
        states=reviews.counts(tx, environment, model),
        skips=sum(item.skips for item in items),
        reviewers=_reviewers(items, said),
        agreement=agreement(_pairs(said)),
        reasons=dict(Counter(one.because for words in said.values() for one in words if one.because).most_common()),
        chosen=dict(Counter(item.stratum.value for item in mine)),
        labelled=dict(Counter(item.stratum.value for item in mine if item.label is not None)),
        metrics=tuple(estimates(_reviewed(mine), signature, random_share=queue.spec.random_share)),
        trained_at=trained,
        labels_since=0 if trained is None else reviews.labels_since(tx, model, trained, environment=environment),
    )


def _version(tx: Connection, environment: str, model: str) -> int:
    champion = registry.aliases(tx, model, environment).get(Alias.CHAMPION)
    if champion is not None:
        return champion
    found = registry.versions(tx, model=model, limit=1)
    if not found:
        raise NotFoundError(f"{model} has no version yet")
    return found[0].number


def _trained_at(tx: Connection, model: str) -> datetime | None:
    """Also of a run that gave the same model again: it has seen the labels of before."""
    last = runs.page(tx, pipeline=model, status=RunStatus.SUCCEEDED, limit=1)
    if last and last[0].started_at is not None:
        return last[0].started_at
    newest = registry.versions(tx, model=model, limit=1)
    return newest[0].created if newest else None


def _reviewed(items: Sequence[Item]) -> list[Reviewed]:
    return [
        Reviewed(
            stratum=item.stratum,
            probability=item.probability,
            answer=item.answer,
            score=item.score,
            probabilities=item.probabilities,
            label=item.label,
        )
        for item in items
    ]


def _pairs(said: Mapping[int, Sequence[Said]]) -> list[tuple[str, str]]:
    """The labels of the first two people on each item."""
    people = [[one.label for one in words if one.person != FEEDBACK] for words in said.values()]
    return [(labels[0], labels[1]) for labels in people if len(labels) > 1]


def _reviewers(items: Sequence[Item], said: Mapping[int, Sequence[Said]]) -> tuple[Reviewer, ...]:
    answers = {item.id: json.loads(item.answer) for item in items}
    people: dict[str, list[Said]] = {}
    for words in said.values():
        for one in words:
            if one.person != FEEDBACK:
                people.setdefault(one.person, []).append(one)
    found = []
    for person, words in people.items():
        accepted = sum(json.loads(one.label) == answers[one.review_id] for one in words)
        last = max(one.decided_at for one in words)
        found.append(
            Reviewer(
                person=person, decided=len(words), accepted=accepted, corrected=len(words) - accepted, last_at=last
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.decided, one.person)))
