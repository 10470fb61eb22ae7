"""The rows that a comparison is made of, from the prediction log's, and the verdict on them.

One function for the daemon and for whoever wants to know what the daemon would say: judge().
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quarterdeck.core.duel import DuelVerdict, Mode, Side
from quarterdeck.core.duel_arms import ArmRows, compare_arms
from quarterdeck.core.duel_compare import compare
from quarterdeck.core.duel_kpis import KpiAsked, Measured, stand
from quarterdeck.core.duel_slices import Slices, slices_of
from quarterdeck.core.duel_verdict import WAITING, weigh
from quarterdeck.core.gate_kinds import SERVED
from quarterdeck.core.manifest import Manifest, RolloutSpec
from quarterdeck.core.metrics.families import direction, every_name
from quarterdeck.core.metrics.losses import row_losses
from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.store.traffic_queries import ArmRow, Pair, quantile_ms

_CATEGORIES = (FieldKind.STRING, FieldKind.BOOLEAN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """One model's labelled answers, n of each, in the order in which the labels came."""

    labels: list[Any]
    scores: list[Any]  # as metrics take them: a number, or the probabilities of several classes
    inputs: list[str]  # JSON
    entities: list[str | None]
    latencies_us: list[int]

    @property
    def n(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> Side:
        ordered = sorted(self.latencies_us)
        return Side(n=self.n, p50_ms=quantile_ms(ordered, 0.5), p99_ms=quantile_ms(ordered, 0.99))


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """How champion and challenger met: on the same rows, or each on its own."""

    mode: Mode
    champion: Answers
    challenger: Answers
    ratio: int = 1


def from_pairs(task: Task, pairs: Sequence[Pair]) -> Met:
    """Of requests that both answered."""
    labels = [json.loads(pair.label) for pair in pairs]
    inputs, entities = [pair.inputs for pair in pairs], [pair.entity for pair in pairs]
    return Met(
        mode=Mode.PAIRED,
        champion=Answers(
            labels=labels,
            scores=_scores(task, [(pair.champion, pair.champion_probabilities) for pair in pairs]),
            inputs=inputs,
            entities=entities,
            latencies_us=[pair.champion_latency_us for pair in pairs],
        ),
        challenger=Answers(
            labels=labels,
            scores=_scores(task, [(pair.challenger, pair.challenger_probabilities) for pair in pairs]),
            inputs=inputs,
            entities=entities,
            latencies_us=[pair.challenger_latency_us for pair in pairs],
        ),
    )


def from_arms(task: Task, champion: Sequence[ArmRow], challenger: Sequence[ArmRow], *, ratio: int = 1) -> Met:
    """Of requests that one of them answered each."""
    return Met(mode=Mode.AB, champion=_arm(task, champion), challenger=_arm(task, challenger), ratio=ratio)


def _arm(task: Task, rows: Sequence[ArmRow]) -> Answers:
    return Answers(
        labels=[json.loads(row.label) for row in rows],
        scores=_scores(task, [(row.score, row.probabilities) for row in rows]),
        inputs=[row.inputs for row in rows],
        entities=[row.entity for row in rows],
        latencies_us=[row.latency_us for row in rows],
    )


def _scores(task: Task, found: list[tuple[float, str | None]]) -> list[Any]:
    if task is Task.MULTICLASS:
        return [json.loads(probabilities or "[]") for _, probabilities in found]
    return [score for score, _ in found]


def judge(
    manifest: Manifest,
    signature: Signature,
    met: Met,
    *,
    measured: Sequence[Measured] | None = None,
    slices: Slices | None = None,
) -> DuelVerdict:
    """The verdict on labelled rows: the loss, then what else there is. Without `measured`, the KPIs are still to come,
    and a decision waits for those that gates name."""
    loss = judge_loss(manifest.rollout, signature, met)
    return judge_all(manifest, loss, measured=measured or (), waiting=measured is None, slices=slices)


def judge_all(
    manifest: Manifest,
    loss: DuelVerdict,
    *,
    measured: Sequence[Measured] = (),
    waiting: bool = False,
    slices: Slices | None = None,
) -> DuelVerdict:
    """The verdict on the loss with KPIs and slices, which may be of a moment ago; `waiting` where the KPIs of the rows
    that a decision is made on are not there yet."""
    spec = manifest.rollout
    kpis = stand(measured, kpis_asked(manifest), alpha=spec.alpha, minimum=_minimum(spec))
    if waiting:
        kpis = tuple(replace(kpi, problem=WAITING) for kpi in kpis)
    slices = slices or Slices(shown=(), looked=0)
    return weigh(loss, kpis=kpis, slices=slices.shown, looked=slices.looked, maximum_labels=spec.maximum_labels)


def judge_loss(spec: RolloutSpec, signature: Signature, met: Met) -> DuelVerdict:
    """What the loss alone says, and how many rows each has and how fast it answered."""
    task, classes, minimum = signature.task, signature.classes, _minimum(spec)
    ours, theirs = met.champion, met.challenger
    if met.mode is Mode.PAIRED:
        found = compare(
            task, ours.labels, ours.scores, theirs.scores, classes=classes, alpha=spec.alpha, minimum_labels=minimum
        )
    else:
        arms = [ArmRows(y_true=arm.labels, score=arm.scores, entities=arm.entities) for arm in (ours, theirs)]
        found = compare_arms(task, *arms, classes=classes, alpha=spec.alpha, minimum_labels=minimum, ratio=met.ratio)
    return replace(found, champion_side=ours.side, challenger_side=theirs.side)


def _minimum(spec: RolloutSpec) -> int:
    """A rollout that asks for no labels is decided by its checks; what is compared beside needs some all the same."""
    return spec.minimum_labels or RolloutSpec().minimum_labels


def kpis_asked(manifest: Manifest) -> tuple[KpiAsked, ...]:
    """The KPIs that gates name, each once, with the margin of the comparison that is asked for, if one is."""
    known = (*every_name(manifest.task), *SERVED)
    names = dict.fromkeys(gate.metric for gate in manifest.gates if gate.metric not in known)
    return tuple(_asked(manifest, name) for name in names)


def _asked(manifest: Manifest, name: str) -> KpiAsked:
    gates = [gate for gate in manifest.gates if gate.metric == name]
    lowest = next((gate.minimum for gate in gates if gate.minimum is not None), None)
    highest = next((gate.maximum for gate in gates if gate.maximum is not None), None)
    margin = next((gate.margin for gate in gates if gate.not_worse_than and gate.slice is None), 0.0)
    return KpiAsked(name=name, direction=direction(name, minimum=lowest, maximum=highest), margin=margin)


def slices_in(manifest: Manifest, signature: Signature, met: Met) -> Slices:
    """The best and the worst slices: of the columns that the manifest names, or else of the fields in words."""
    asked = {gate.slice for gate in manifest.gates if gate.slice is not None}
    names = _columns(manifest, signature, asked)
    if not names or not met.champion.n or not met.challenger.n:
        return Slices(shown=(), looked=0)
    task, classes = signature.task, signature.classes
    ours, theirs = (row_losses(task, arm.labels, arm.scores, classes=classes) for arm in (met.champion, met.challenger))
    inputs, side = met.champion.inputs, None
    if met.mode is Mode.PAIRED:
        losses = theirs - ours
    else:
        losses, inputs = np.concatenate([ours, theirs]), met.champion.inputs + met.challenger.inputs
        side = np.repeat(np.array([0, 1], dtype=np.int8), [len(ours), len(theirs)])
    rows = [json.loads(text) if text else {} for text in inputs]
    columns = {name: [row.get(name) for row in rows] for name in names}
    return slices_of(columns, losses, side, alpha=manifest.rollout.alpha, asked=asked)


def _columns(manifest: Manifest, signature: Signature, asked: set[str]) -> list[str]:
    named = [*manifest.evaluation.slices, *sorted(asked - set(manifest.evaluation.slices))]
    return named or [field.name for field in signature.fields if field.kind in _CATEGORIES]


def answers_in_words(signature: Signature, scores: list[Any]) -> list[Any]:
    """What a KPI calls y_pred: the class of each score, or its value."""
    if signature.task is Task.REGRESSION:
        return scores
    classes = signature.classes or (0, 1)
    if signature.task is Task.BINARY:
        return [classes[1] if score >= 0.5 else classes[0] for score in scores]
    return [classes[int(np.argmax(probabilities))] for probabilities in scores]
