"""How soon the fouling of the fleet's hulls is told, and how often it is told of clean ones: `fuel` over many seeds.

Each seed is another year of voyages, weather and measuring errors. A model is trained as the pipeline `fuel` trains it,
on the 45 days before 20 February, with the last 7 of them held out. Then every week is judged as the monitor judges a
closed window whose labels have come, until 10 October, the day before the first hull is cleaned. The fouling counts as
visible from the first week in which it adds 1.5 % to the resistance of the hulls on average: as much as one fuel
reading is off by. For false alerts the same fleet sails the same year with hulls that never foul.

    python benchmarks/bench_fuel_alerts.py [--seeds 50] [--json]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # on a busy machine boosting waits for its threads

import numpy as np
import polars as pl

from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.metrics.families import compute_all
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.operations import Window
from quarterdeck.core.performance.finding import Finding, Kind
from quarterdeck.core.performance.judging import WindowRows
from quarterdeck.core.performance.learning import HeldOut, learn
from quarterdeck.core.performance.validity import Judged, invalid_since
from quarterdeck.core.performance.window import judge_window
from quarterdeck.core.pipeline.components.fit import fit
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, Task, TriggerKind, VersionState
from quarterdeck.sample_data import FOLDER, fuel_physics, fuel_voyages
from quarterdeck.sample_data.make_fuel import DECIMALS, FUEL_COLUMNS
from quarterdeck.scheduler.assessment import answers_of
from quarterdeck.scheduler.watch import find_decay

TRAINED = datetime(2025, 2, 20, tzinfo=UTC)
UNTIL = datetime(2025, 10, 10, tzinfo=UTC)
WEEK = timedelta(days=7)
METRIC = "mean_absolute_error"
VISIBLE = fuel_voyages.NOISE.fuel
WAYS = ("decay trigger", "measured", "estimated", "estimate invalid")
ESTIMATOR = "sklearn.ensemble.HistGradientBoostingRegressor"
PARAMETERS = {"max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 15}  # as in the pipeline's manifest


def year(seed: int, *, clean: bool) -> pl.DataFrame:
    """A year of the fleet as make_fuel() makes it, with the true fouling of each row; `clean`: it never fouls."""
    reports = []
    for number, ship in enumerate(fuel_physics.FLEET):
        rng = np.random.default_rng([seed, number])
        sailed = replace(ship, fouling_limit=0.0) if clean else ship
        voyage = fuel_voyages.simulate(sailed, rng)
        reports.append(fuel_voyages.report(sailed, voyage, rng).with_columns(fouling=voyage["fouling"]))
    table = pl.concat(reports).sort("reported", "ship")
    rounded = table.with_columns(pl.col(name).round(decimals) + 0.0 for name, decimals in DECIMALS.items())
    numbered = rounded.with_columns(report_id=pl.int_range(pl.len()).cast(pl.String))
    return numbered.select([*FUEL_COLUMNS, "fouling"])


@dataclass(frozen=True, kw_only=True)
class Week:
    """What each way says at the end of a week, and how fouled the hulls were."""

    start: datetime
    rows: int
    fouling: float
    error: float
    says: dict[str, bool]


def weeks_of(table: pl.DataFrame, steps: ModuleType, manifest: Manifest) -> list[Week]:
    """Train once, then judge week after week."""
    features = steps.features(table).with_columns(fouling=table["fouling"])
    before = features.filter(pl.col("reported").is_between(TRAINED - timedelta(days=45), TRAINED, closed="left"))
    held = pl.col("reported") >= TRAINED - WEEK
    train, holdout = before.filter(~held), before.filter(held)
    info = PipelineInfo(
        name="fuel", task=Task.REGRESSION, target="fuel_rate", entity="report_id", time="reported", seed=0,
        workspace=FOLDER,
    )  # fmt: skip
    model = fit(
        {"train": train.drop("fouling"), "holdout": holdout.drop("fouling")}, estimator=ESTIMATOR,
        parameters=PARAMETERS, pipeline=info, report=lambda share, text: None,
    )  # fmt: skip
    signature = model.signature
    answers = answers_of(model, holdout).scores
    truth = holdout["fuel_rate"].to_numpy()
    rows = Rows.check(Task.REGRESSION, truth, answers)
    columns = {name: holdout[name].to_list() for name in signature.names}
    reference = learn(HeldOut(rows=rows, columns=columns, frame=holdout), signature, train=train)
    version = Version(
        model="fuel", number=1, state=VersionState.CHAMPION, run_id=None, created=TRAINED, artifact="", onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=signature,
        metrics=compute_all(Task.REGRESSION, truth, answers), verdicts=(), profile=None, trained_from=None,
        trained_to=None, rows=train.height, size_bytes=0,
    )  # fmt: skip
    spec = next(trigger for trigger in manifest.triggers if trigger.kind is TriggerKind.DECAY)
    judged: list[Judged] = []
    windows: list[Window] = []
    found = []
    start = TRAINED
    while start + WEEK <= UNTIL:
        week = features.filter(pl.col("reported").is_between(start, start + WEEK, closed="left"))
        scores = answers_of(model, week).scores
        told = judge_window(
            WindowRows(
                start=start, scores=scores, labels=week["fuel_rate"].to_list(),
                columns={name: week[name].to_list() for name in signature.names}, total=week.height,
            ),
            signature, reference, minimum_rows=manifest.monitoring.minimum_rows, before=judged,
        )  # fmt: skip
        judged.append(Judged(start=start, findings=told))
        metrics = compute_all(Task.REGRESSION, week["fuel_rate"].to_list(), scores)
        windows.append(
            Window(
                model="fuel",
                version=1,
                start=start,
                end=start + WEEK,
                closed=True,
                rows=week.height,
                labelled=week.height,
                drifted=None,
                drift=[],
                metrics=metrics,
                p50_ms=None,
                p99_ms=None,
                updated_at=start,
            )
        )
        says = {
            "decay trigger": find_decay(manifest, spec, version, windows) is not None,
            "measured": _alerts(told, Kind.LABELLED),
            "estimated": _alerts(told, Kind.ESTIMATED),
            "estimate invalid": invalid_since(judged) is not None,
        }
        mean = week["fouling"].mean()
        assert isinstance(mean, float)
        found.append(Week(start=start, rows=week.height, fouling=mean, error=metrics[METRIC], says=says))
        start += WEEK
    return found


def _alerts(findings: Sequence[Finding], kind: Kind) -> bool:
    return any(item.alert for item in findings if item.kind is kind and item.metric == METRIC and item.slice is None)


def of_seed(seed: int, steps: ModuleType, manifest: Manifest) -> dict[str, Any]:
    """For each way: weeks from the first fouled week that was visible to the first alert (0: at its end), and alerts
    of clean weeks, those before the fouling began and those of a fleet that never fouls."""
    fouled = weeks_of(year(seed, clean=False), steps, manifest)
    clean = weeks_of(year(seed, clean=True), steps, manifest)
    visible = next(place for place, week in enumerate(fouled) if week.fouling >= VISIBLE)
    begun = next(place for place, week in enumerate(fouled) if week.fouling > 0)
    return {
        "visible": fouled[visible].start.date().isoformat(),
        "ways": {
            way: {
                "weeks_late": next((at - visible for at in range(begun, len(fouled)) if fouled[at].says[way]), None),
                "before": sum(week.says[way] for week in fouled[:begun]),
                "clean": sum(week.says[way] for week in clean),
            }
            for way in WAYS
        },
        "weeks_before": begun,
        "weeks_clean": len(clean),
        "rows_a_week": statistics.mean(week.rows for week in fouled),
    }


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    weeks = {name: sum(one[name] for one in found) for name in ("weeks_before", "weeks_clean")}
    ways = {}
    for way in WAYS:
        late = sorted(one["ways"][way]["weeks_late"] for one in found if one["ways"][way]["weeks_late"] is not None)
        ways[way] = {
            "alerted": len(late),
            "weeks_late": None if not late else {
                "least": late[0], "quarter": late[len(late) // 4], "median": statistics.median(late),
                "three_quarters": late[3 * len(late) // 4], "most": late[-1],
            },
            "false_before": sum(one["ways"][way]["before"] for one in found),
            "false_clean": sum(one["ways"][way]["clean"] for one in found),
        }  # fmt: skip
    rows = statistics.mean(one["rows_a_week"] for one in found)
    return {"seeds": len(found), **weeks, "rows_a_week": round(rows), "ways": ways}


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['seeds']} seeds, {result['rows_a_week']} reports a week; weeks from the first visibly fouled one",
        f"{'':<18}{'alerted':>8}{'least':>7}{'1/4':>6}{'median':>8}{'3/4':>6}{'most':>6}"
        f"{'false of ' + str(result['weeks_before']):>14}{'never fouled, of ' + str(result['weeks_clean']):>24}",
    ]
    for way, found in result["ways"].items():
        late = found["weeks_late"] or dict.fromkeys(("least", "quarter", "median", "three_quarters", "most"), "-")
        lines.append(
            f"{way:<18}{found['alerted']:>8}{late['least']:>7}{late['quarter']:>6}{late['median']:>8}"
            f"{late['three_quarters']:>6}{late['most']:>6}{found['false_before']:>14}{found['false_clean']:>24}"
        )
    return "\n".join(lines)


def pipeline() -> tuple[ModuleType, Manifest]:
    """The steps and the manifest that ship as `fuel`."""
    source = FOLDER / "workspace" / "pipelines" / "fuel"
    spec = importlib.util.spec_from_file_location("fuel_steps", source / "steps.py")
    assert spec is not None and spec.loader is not None
    steps = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(steps)
    return steps, read_manifest(source / "pipeline.toml")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    steps, manifest = pipeline()
    found = []
    for seed in range(options.seeds):
        found.append(of_seed(seed, steps, manifest))
        print(f"seed {seed + 1} of {options.seeds}", end="\r", file=sys.stderr, flush=True)
    result = summary(found)
    print(json.dumps(result | {"by_seed": found}, indent=2) if options.json else table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
