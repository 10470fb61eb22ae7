"""How often the live comparison of champion and challenger is right: 200 replays each of three challengers.

The champion is trained on January's flights. One challenger is truly better (January to July), one truly worse (two
columns only), one equal (January again, another seed of the columns each split may look at). The live rows are August
to December; their truth is shown first: the difference in loss on all of them, with its interval and its t.

A replay draws live rows with replacement, lets each label come after a random delay, and asks for the verdict every 25
labels, as the daemon does: scheduler.duel_rows.judge() with the manifest of the sample workspace, its KPI gate
included. It stops at the first PROMOTE or REJECT, or at `maximum_labels`. So the rows of the five months are the
population, and the difference on all of them is the true one. The equal challenger has a small one there as well. So
it is replayed twice: as it is, and with the two models' answers swapped at random row by row, which makes the
difference exactly nothing and leaves the rest; that one is the null.

A wrong promotion is one of the worse challenger, or of the swapped equal one; the program fails if one of them has more
than 5 %. Needs about ten minutes on one core.

    python benchmarks/bench_verdicts.py [--replays 200] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck import sample_data
from quarterdeck.core.duel import Mode
from quarterdeck.core.duel_kpis import KpiRows, Measured, measure
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.predictors import SklearnPredictor
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.pipeline.components.fit import fit
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.kpis import load_kpis
from quarterdeck.core.pipeline.loading import load_functions
from quarterdeck.core.statistics.paired_bound import paired_bound
from quarterdeck.core.values import Decision
from quarterdeck.scheduler.duel_rows import Answers, Met, answers_in_words, judge

LIVE = (8, 9, 10, 11, 12)
LOOK_EVERY = 25  # labels
ALLOWED = 0.05
TWO_COLUMNS = ["carrier", "weekday"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """The live rows' labels and both models' probabilities, each (n,)."""

    name: str
    y: NDArray[Any]
    champion: Floats
    challenger: Floats
    swapped: bool = False  # the two answers of each row change places at random


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """How a replay ended; `labels` until a decision, or all that it may take."""

    decision: Decision
    labels: int
    kpi_stopped: bool  # the loss had decided, and the KPI spoke against it


def train(
    frame: pl.DataFrame, manifest: Manifest, months: range, *, seed: int, columns: list[str] | None
) -> FittedModel:
    """The sample pipeline's model, each split looking at a random half of the columns, so that a seed matters."""
    settings = next(step.settings for step in manifest.steps if step.name == "model")
    info = PipelineInfo(
        name=manifest.name, task=manifest.task, target=manifest.target, entity=manifest.entity, time=manifest.time,
        seed=seed, workspace=Path(),
    )  # fmt: skip
    return fit(
        {"train": frame.filter(pl.col("scheduled").dt.month().is_in(list(months)))},
        estimator=settings["estimator"],
        parameters={**settings["parameters"], "max_features": 0.5, "random_state": seed},
        features=columns,
        pipeline=info,
        report=lambda *_: None,
    )


def answers(model: FittedModel, rows: pl.DataFrame) -> Floats:
    columns = {name: rows[name].to_list() for name in model.signature.names}
    return np.asarray(SklearnPredictor(model.estimator, model.signature).predict(columns).scores, dtype=np.float64)


def cases(manifest: Manifest) -> tuple[Signature, list[Live]]:
    tables = [pl.read_parquet(sample_data.path(f"{name}.parquet")) for name in ("flights", "weather")]
    frame = load_functions(manifest)["features"](*tables).sort("scheduled")
    live = frame.filter(pl.col("scheduled").dt.month().is_in(list(LIVE)))
    january, half_year = range(1, 2), range(1, 8)
    champion = train(frame, manifest, january, seed=0, columns=None)
    challengers = {
        "better: January to July": train(frame, manifest, half_year, seed=0, columns=None),
        "worse: two columns": train(frame, manifest, january, seed=0, columns=TWO_COLUMNS),
        "equal: another seed": train(frame, manifest, january, seed=1, columns=None),
    }
    y, ours = live[manifest.target].to_numpy(), answers(champion, live)
    found = [Live(name=name, y=y, champion=ours, challenger=answers(m, live)) for name, m in challengers.items()]
    equal = found[-1]
    swapped = Live(
        name="equal, answers swapped at random", y=y, champion=ours, challenger=equal.challenger, swapped=True
    )
    return champion.signature, [*found, swapped]


def truth(case: Live) -> dict[str, Any]:
    """The difference in loss (Brier) on all live rows, challenger less champion, and how far from 0 it is."""
    differences = (case.challenger - case.y) ** 2 - (case.champion - case.y) ** 2
    bound = paired_bound(differences, confidence=0.975)
    return {
        "rows": len(differences),
        "champion_loss": float(np.mean((case.champion - case.y) ** 2)),
        "difference": 0.0 if case.swapped else bound.estimate,
        "interval_95": None if case.swapped else [bound.low, bound.high],
        "t": 0.0 if case.swapped else bound.estimate / bound.standard_error,
        "answers_differ_by": float(np.mean(np.abs(case.challenger - case.champion))),
    }


def replay(case: Live, manifest: Manifest, signature: Signature, kpi: Callable[..., Measured], seed: int) -> End:
    rng = np.random.default_rng(seed)
    most, least = manifest.rollout.maximum_labels, manifest.rollout.minimum_labels
    drawn = rng.integers(0, len(case.y), most)
    drawn = drawn[np.argsort(np.arange(most) + rng.exponential(300, most))]  # a label comes some 300 requests later
    first, second = case.champion[drawn], case.challenger[drawn]
    if case.swapped:
        change = rng.random(most) < 0.5
        first, second = np.where(change, second, first), np.where(change, first, second)
    y, stopped = case.y[drawn].tolist(), False
    for n in range(least, most + 1, LOOK_EVERY):
        met = Met(mode=Mode.PAIRED, champion=_answers(y[:n], first[:n]), challenger=_answers(y[:n], second[:n]))
        verdict = judge(manifest, signature, met, measured=None)
        if any(
            "on its way" in reason for reason in verdict.reasons
        ):  # the loss has decided: measure, as the daemon does
            verdict = judge(manifest, signature, met, measured=[kpi(met)])
            stopped = stopped or verdict.decision is Decision.HOLD
        if verdict.decision is not Decision.HOLD:
            return End(decision=verdict.decision, labels=n, kpi_stopped=stopped)
    return End(decision=Decision.HOLD, labels=most, kpi_stopped=stopped)


def _answers(labels: list[Any], scores: Floats) -> Answers:
    n = len(labels)
    return Answers(labels=labels, scores=scores.tolist(), inputs=[""] * n, entities=[None] * n, latencies_us=[0] * n)


def measuring(manifest: Manifest, signature: Signature) -> Callable[[Met], Measured]:
    """The manifest's KPI, as kpi_child.py measures it."""
    ((name, kpi),) = load_kpis(manifest).items()

    def found(met: Met) -> Measured:
        ours, theirs = (
            KpiRows(y_true=side.labels, y_pred=answers_in_words(signature, side.scores))
            for side in (met.champion, met.challenger)
        )
        return measure(name, kpi, ours, theirs, paired=True)

    return found


def summary(case: Live, ends: list[End]) -> dict[str, Any]:
    counts = Counter(end.decision for end in ends)
    decided = [end.labels for end in ends if end.decision is not Decision.HOLD]
    return {
        "challenger": case.name,
        "truth": truth(case),
        **{decision.value: counts[decision] for decision in Decision},
        "median_labels_to_decision": statistics.median(decided) if decided else None,
        "stopped_by_kpi": sum(end.kpi_stopped for end in ends),
        "promoted_share": counts[Decision.PROMOTE] / len(ends),
    }


def show(found: list[dict[str, Any]]) -> None:
    print("| challenger | true difference in loss (95 %) | t | answers differ by |")
    print("|---|---|---|---|")
    for row in found:
        about = row["truth"]
        low, high = about["interval_95"] or (0.0, 0.0)
        span = "0, by construction" if about["interval_95"] is None else (
            f"{about['difference']:+.5f} ({low:+.5f} .. {high:+.5f})"
        )  # fmt: skip
        print(f"| {row['challenger']} | {span} | {about['t']:+.1f} | {about['answers_differ_by']:.3f} |")
    print()
    print("| challenger | PROMOTE | HOLD | REJECT | median labels to a decision | KPI stopped the loss | promoted |")
    print("|---|---|---|---|---|---|---|")
    for row in found:
        labels = row["median_labels_to_decision"]
        print(
            f"| {row['challenger']} | {row['promote']} | {row['hold']} | {row['reject']} "
            f"| {'-' if labels is None else f'{labels:.0f}'} | {row['stopped_by_kpi']} | {row['promoted_share']:.1%} |"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    manifest = read_manifest(sample_data.FOLDER / "workspace" / "pipelines" / "flights" / "pipeline.toml")
    signature, lives = cases(manifest)
    kpi = measuring(manifest, signature)
    found = []
    for case in lives:
        ends = [replay(case, manifest, signature, kpi, seed) for seed in range(arguments.replays)]
        found.append(summary(case, ends))
        print(f"{case.name}: done", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
    wrong = [row["promoted_share"] for row in found if row["challenger"].startswith(("worse", "equal, "))]
    return 0 if max(wrong) <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
