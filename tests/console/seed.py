"""Fills a workspace's databases through the store, with two models and everything that the console shows.

Also a program: `python tests/console/seed.py FOLDER` makes such a workspace to look at.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.drift.verdict import decide_drift
from quarterdeck.core.duel import DuelVerdict, KpiResult, Mode, Side, SliceResult, Standing
from quarterdeck.core.evaluation import (
    Calibration,
    CalibrationBin,
    DataSet,
    Evaluation,
    FieldSeen,
    Importance,
    ImportanceOf,
    Interval,
    Measured,
    Target,
)
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.ledger import Audit
from quarterdeck.core.metrics.slices import Condition, Slice, SliceReport
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.registry import Version
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.settings import read_settings
from quarterdeck.core.values import (
    Decision,
    Direction,
    Engine,
    Outcome,
    RunStatus,
    ServiceKind,
    StepStatus,
    Task,
    TriggerKind,
    VersionState,
)
from quarterdeck.store import (
    alerts,
    duels,
    pipelines,
    promotion,
    registry,
    review_queues,
    reviews,
    runs,
    services,
    steps,
    traffic,
    triggers,
    windows,
)
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.workspace import Workspace

ACTOR = "ops"
EVENT = datetime(2013, 4, 1, tzinfo=UTC)
STEPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("flights", "read_table", ()),
    ("weather", "read_table", ()),
    ("features", "steps:features", ("flights", "weather")),
    ("split", "split_by_time", ("features",)),
    ("model", "fit", ("split",)),
    ("evaluation", "evaluate", ("model", "split")),
)
FEATURES = ("dep_hour", "distance", "wind_speed", "visibility", "precip", "carrier", "origin", "temperature")
MANIFEST = """\
[pipeline]
name = "{name}"
task = "binary"
target = "late"
[steps.rows]
uses = "read_table"
with = {{ source = "data/{name}.parquet" }}
"""


def make_workspace(root: Path, *, environment: str = "production") -> Workspace:
    """An empty workspace with two pipelines' folders."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "quarterdeck.toml").write_text(f'environment = "{environment}"\n')
    for name in ("flights", "fuel"):
        folder = root / "pipelines" / name
        folder.mkdir(parents=True)
        (folder / "pipeline.toml").write_text(MANIFEST.format(name=name))
    workspace = Workspace(root=root.resolve())
    workspace.prepare_state()
    return workspace


def open_console(root: Path, *, read_only: bool = False) -> Console:
    workspace = Workspace(root=root.resolve())
    return Console(workspace, read_settings(workspace.settings_file), actor=ACTOR, read_only=read_only)


def seed(console: Console, now: datetime | None = None) -> None:
    """Everything: pipelines, runs, versions, aliases, windows, alerts, a duel, services, predictions."""
    now = now or utc_now()
    with console.database.write() as tx:
        _pipelines(tx, now)
        _flights(tx, console.environment, now)
        _fuel(tx, console.environment, now)
        _services(tx, now)
    _predictions(console, now)
    log = console.workspace.logs / "run-4.log"
    log.write_text("".join(f"12:00:{i:02d} INFO step model: iteration {i}\n" for i in range(40)))


def _pipelines(tx: Connection, now: datetime) -> None:
    for name, task, owner in (
        ("flights", Task.BINARY, "network-operations"),
        ("fuel", Task.REGRESSION, "fleet"),
    ):
        pipelines.put(
            tx,
            pipelines.Pipeline(
                name=name,
                task=task,
                description=f"the {name} pipeline",
                owner=owner,
                digest="d",
                synced_at=now,
            ),
        )
    daily = {"cron": "0 3 * * *", "timezone": "America/New_York"}
    drift = {"features": 3, "threshold": 0.25, "cooldown": "6h"}
    triggers.sync(tx, "flights", [("nightly", TriggerKind.SCHEDULE, daily), ("drift", TriggerKind.DRIFT, drift)])
    triggers.sync(tx, "fuel", [("decay", TriggerKind.DECAY, {"metric": "mean_absolute_error", "worse_by": 0.2})])
    nightly = triggers.get(tx, "flights", "nightly")
    triggers.set_next_fire(tx, nightly.id, now + timedelta(hours=7))


def _run(
    tx: Connection,
    pipeline: str,
    status: RunStatus,
    when: datetime,
    *,
    version: int | None = None,
    cause: dict[str, object] | None = None,
    error: str | None = None,
) -> int:
    """A run that began a minute after it was asked for and, unless it goes on, took two."""
    run = runs.request(tx, pipeline, by=ACTOR, cause=cause or {"kind": "manual", "reason": "first model"}, now=when)
    steps.plan(tx, run.id, STEPS)
    runs.claim(tx, run.id, pid=os.getpid(), process_started=0.0, now=when + timedelta(minutes=1))
    runs.set_provenance(tx, run.id, {"commit": "4e2f01b9", "seed": 0})
    done = StepStatus.CACHED
    for index, (name, _, inputs) in enumerate(STEPS):
        start = when + timedelta(minutes=1, seconds=index * 3)
        state = done
        if status is RunStatus.RUNNING and name == "model":
            state = StepStatus.RUNNING
        elif status is RunStatus.RUNNING and name == "evaluation":
            state = StepStatus.PENDING
        elif status is RunStatus.FAILED and name == "features":
            state = StepStatus.FAILED
        elif status is RunStatus.FAILED and index > 2:
            state = StepStatus.SKIPPED
        elif index > 1:
            state = StepStatus.SUCCEEDED
        ended = state in (StepStatus.CACHED, StepStatus.SUCCEEDED, StepStatus.FAILED)
        steps.change(
            tx,
            run.id,
            name,
            status=state,
            attempt=1,
            started_at=start if ended else None,
            finished_at=start + timedelta(seconds=2.5) if ended else None,
            progress=0.45 if state is StepStatus.RUNNING else 1.0,
            message="iteration 45 of 100, loss 0.4127" if state is StepStatus.RUNNING else "",
            error=error if state is StepStatus.FAILED else None,
        )
        if state in (StepStatus.CACHED, StepStatus.SUCCEEDED):
            sha = _artifact(tx, f"{pipeline}-{run.id}-{name}", when)
            steps.record_lineage(
                tx,
                run.id,
                name,
                inputs={source: _sha(f"{pipeline}-{run.id}-{source}") for source in inputs},
                output=sha,
            )
    if status is RunStatus.RUNNING:
        runs.set_progress(tx, run.id, progress=0.62, message="model: iteration 45 of 100")
    elif status is not RunStatus.QUEUED:
        runs.finish(tx, run.id, status, now=when + timedelta(minutes=3), error=error, version=version)
    return run.id


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _artifact(tx: Connection, text: str, now: datetime) -> str:
    """An artifact whose bytes are there: a promotion looks at them."""
    database = tx.engine.url.database
    assert database is not None
    ArtifactStore(Path(database).parent / "artifacts").put(text.encode())
    steps.record_artifact(tx, _sha(text), kind="model", size=38_000_000, now=now)
    return _sha(text)


def _signature(task: Task) -> Signature:
    fields = tuple(
        Field(name=name, kind=FieldKind.STRING, categories=("AA", "DL", "UA"))
        if name in ("carrier", "origin")
        else Field(name=name, kind=FieldKind.NUMBER, minimum=0.0, maximum=100.0, nullable=name == "precip")
        for name in FEATURES
    )
    return Signature(
        fields=fields,
        task=task,
        target="late",
        entity="id",
        time="at",
        classes=(0, 1) if task is Task.BINARY else None,
    )


def _verdicts(score: float, metric: str, *, fail: bool = False) -> tuple[GateResult, ...]:
    against = GateResult(
        gate=f"{metric} not worse than champion by 0.005",
        metric=metric,
        outcome=Outcome.FAIL if fail else Outcome.PASS,
        statistic=0.008 if fail else -0.0056,
        threshold=0.005,
        direction=Direction.LOWER,
        n=6_012,
        reason=f"{metric} is worse than the champion's by at most {0.011 if fail else -0.0021}",
        interval=(0.004, 0.011) if fail else (-0.0091, -0.0021),
    )
    cost = judge_bound(metric="missed_delay_cost", value=98.1, n=6_012, maximum=120.0, owner="network-operations")
    bound = judge_bound(
        metric=metric,
        value=score,
        n=6_012,
        minimum=0.7 if metric.endswith("_score") else None,
        maximum=None if metric.endswith("_score") else 20.0,
    )
    return (bound, against, cost)


def _version(
    tx: Connection,
    environment: str,
    model: str,
    run_id: int,
    created: datetime,
    metrics: dict[str, float],
    *,
    fail: bool = False,
    evaluation: Evaluation | None = None,
) -> Version:
    main = next(iter(metrics))
    task = Task.BINARY if model == "flights" else Task.REGRESSION
    draft = Version(
        model=model,
        number=0,
        state=VersionState.REJECTED if fail else VersionState.ACCEPTED,
        run_id=run_id,
        created=created,
        artifact=_artifact(tx, f"{model}-{run_id}", created),
        onnx=_artifact(tx, f"onnx-{run_id}", created),
        engine=Engine.ONNX,
        engine_reason="it converts and agrees on 256 reference rows",
        max_difference=3.1e-7,
        signature=_signature(task),
        metrics=metrics,
        verdicts=_verdicts(metrics[main], main, fail=fail),
        profile=None,
        trained_from=EVENT - timedelta(days=90),
        trained_to=EVENT,
        rows=184_201,
        size_bytes=3_800_000,
        evaluation=None if evaluation is None else _artifact(tx, json.dumps(evaluation.to_json()), created),
    )
    return registry.register(tx, draft, Audit(actor=ACTOR, environment=environment, at=draft.created, reason="trained"))


def flights_evaluation(score: float, champion: int | None) -> Evaluation:
    """As it is measured at registration, with something to say in each part."""
    bins = ((0.1, 0.2, 3_011, 0.151, 0.155), (0.2, 0.3, 1_890, 0.243, 0.297), (0.5, 0.6, 1_111, 0.544, 0.561))
    conditions = (Condition(column="carrier", label="UA"), Condition(column="dep_hour", label="18 or more"))
    worst = Slice(
        conditions=conditions,
        rows=412,
        metric="roc_auc_score",
        value=0.651,
        interval=(0.602, 0.699),
        elsewhere=0.752,
        mean_loss=0.231,
        difference=0.041,
        p_value=0.0004,
        q_value=0.012,
    )
    near = Interval(low=score - 0.0141, high=score + 0.0139, method="DeLong")
    better = Interval(low=0.0021, high=0.0091, method="DeLong")
    even = Interval(low=-0.0048, high=0.0031, method="BCa bootstrap")
    logged = Interval(low=0.4301, high=0.4568, method="BCa bootstrap")
    return Evaluation(
        rows=6_012,
        target=Target(shares=(("0", 0.764), ("1", 0.236))),
        metrics=(
            Measured(
                name="roc_auc_score",
                value=score,
                interval=near,
                champion=None if champion is None else score - 0.0056,
                difference=None if champion is None else better,
            ),
            Measured(
                name="log_loss",
                value=0.52 - score / 10,
                interval=logged,
                champion=None if champion is None else 0.521 - score / 10,
                difference=None if champion is None else even,
            ),
        ),
        data=(
            DataSet(name="train", rows=184_201, columns=11, sha256=_sha("train"), first=EVENT, last=EVENT),
            DataSet(name="holdout", rows=6_012, columns=11, sha256=_sha("holdout"), first=EVENT, last=EVENT),
        ),
        champion=champion,
        slices=SliceReport(
            rows=6_012,
            loss="brier_score_loss",
            minimum_rows=100,
            rate=0.05,
            named=(replace(worst, conditions=conditions[:1], rows=1_204, difference=0.012, mean_loss=0.19),),
            worst=(worst,),
            looked_at=212,
        ),
        calibration=Calibration(
            error=0.021,
            greatest=0.054,
            top_label=False,
            bins=tuple(CalibrationBin(low=a, high=b, n=n, predicted=p, observed=o) for a, b, n, p, o in bins),
        ),
        importance=ImportanceOf(
            metric="roc_auc_score",
            rows=2_000,
            repeats=3,
            fields=tuple(
                Importance(field=name, worse_by=0.08 / (index + 1), deviation=0.002)
                for index, name in enumerate(FEATURES)
            ),
        ),
        fields=tuple(FieldSeen(name=name, missing=0.0, outside=0.031 * (name == "precip")) for name in FEATURES),
    )


def _promote(tx: Connection, environment: str, model: str, number: int, saw: int | None, when: datetime) -> None:
    audit = Audit(actor=ACTOR, environment=environment, at=when, reason="passed its gates")
    promotion.promote(tx, model, number, audit, saw_champion=saw)


def _flights(tx: Connection, environment: str, now: datetime) -> None:
    """Versions 1 previous, 2 champion, 3 rejected, 4 challenger in a duel; a run under way."""
    for index, (score, fail) in enumerate(((0.7312, False), (0.7410, False), (0.7290, True), (0.7466, False))):
        when = now - timedelta(days=40 - 12 * index)
        run = _run(tx, "flights", RunStatus.SUCCEEDED, when, version=index + 1)
        _version(
            tx,
            environment,
            "flights",
            run,
            when,
            {"roc_auc_score": score, "log_loss": 0.52 - score / 10},
            fail=fail,
            evaluation=flights_evaluation(score, 2) if index == 3 else None,
        )
        if index < 2:
            _promote(tx, environment, "flights", index + 1, index or None, when + timedelta(hours=1))
    audit = Audit(actor="daemon", environment=environment, at=now - timedelta(hours=3), reason="gates passed")
    promotion.challenge(tx, "flights", 4, audit)
    firing = triggers.get(tx, "flights", "drift")
    alert = alerts.raise_alert(
        tx,
        model="flights",
        kind="drift",
        subject="drift",
        message="3 features drifted: wind_speed, precip, visibility",
        evidence={"psi": {"wind_speed": 0.41}},
        now=now - timedelta(minutes=50),
        event_at=EVENT + timedelta(days=16),
    )
    run_id = _run(
        tx,
        "flights",
        RunStatus.RUNNING,
        now - timedelta(minutes=4),
        cause={"kind": "drift", "trigger": "drift", "alert": alert.id},
    )
    triggers.record_firing(
        tx,
        firing,
        now=now - timedelta(minutes=49),
        fired=True,
        reason="drift",
        evidence={},
        alert_id=alert.id,
        run_id=run_id,
        evidence_at=EVENT + timedelta(days=16),
    )
    for index in range(24):
        windows.put(tx, _window("flights", 2, index, now))
    duels.put(tx, _duel(environment, now))
    duels.put(tx, _won(environment, now))


def _fuel(tx: Connection, environment: str, now: datetime) -> None:
    """One champion that decays, and a run that failed."""
    when = now - timedelta(days=9)
    run = _run(tx, "fuel", RunStatus.SUCCEEDED, when, version=1)
    _version(tx, environment, "fuel", run, when, {"mean_absolute_error": 11.4, "r2_score": 0.93})
    _promote(tx, environment, "fuel", 1, None, when + timedelta(hours=2))
    error = "Traceback (most recent call last):\n  File \"steps.py\", line 12, in features\nKeyError: 'draught'"
    _run(tx, "fuel", RunStatus.FAILED, now - timedelta(hours=2), error=error)
    for index in range(12):
        windows.put(tx, _window("fuel", 1, index, now))
    for subject, text in (("decay", "mean_absolute_error 14.2 is 24 % worse than at training"),):
        alerts.raise_alert(
            tx,
            model="fuel",
            kind="decay",
            subject=subject,
            message=text,
            evidence={},
            now=now - timedelta(hours=3),
            event_at=EVENT + timedelta(days=11),
        )
    alerts.acknowledge(tx, 2, by=ACTOR)


def _window(model: str, version: int, index: int, now: datetime) -> Window:
    start = EVENT + timedelta(days=index)
    far = index > 18
    drift = [
        decide_drift(
            feature=name,
            method="psi",
            value=0.02 * (position + 1) + (0.3 if far and position in (2, 3, 4) else 0.0),
            threshold=0.25,
            noise=0.01,
            n_reference=184_201,
            n_window=500,
        ).to_json()
        for position, name in enumerate(FEATURES)
    ]
    wave = math.sin(index / 3)
    metrics = (
        {"roc_auc_score": 0.74 - 0.002 * index + 0.004 * wave, "log_loss": 0.43}
        if model == "flights"
        else {"mean_absolute_error": 11.4 + 0.25 * index + 0.3 * wave, "r2_score": 0.9}
    )
    return Window(
        model=model,
        version=version,
        start=start,
        end=start + timedelta(days=1),
        closed=index < 23,
        rows=500 + 7 * index,
        labelled=max(0, 480 - 20 * index),
        drifted=sum(item["drifted"] for item in drift),
        drift=drift,
        metrics=metrics,
        p50_ms=0.4,
        p99_ms=1.3 + index / 50,
        updated_at=now,
    )


def _duel(environment: str, now: datetime) -> duels.Duel:
    path = [
        [n * 50, math.exp(0.002 * n * n - 0.3), -0.002 - 0.0001 * n, -0.02 + 0.0003 * n, 0.01 - 0.0003 * n]
        for n in range(1, 36)
    ]
    verdict = DuelVerdict(
        decision=Decision.HOLD,
        n=1_750,
        loss="log_loss",
        champion={"log_loss": 0.4382, "roc_auc_score": 0.7391},
        challenger={"log_loss": 0.4327, "roc_auc_score": 0.7444},
        difference=-0.0055,
        interval=(-0.0112, 0.0002),
        p_value=0.118,
        e_value=8.5,
        needed=20.0,
        rows_needed=610,
        reasons=(
            "evidence 8.5 of 20 needed, on 1750 labels",
            "missed_delay_cost is clearly better: 0.931 -> 0.8874, by -0.0791 to -0.0081 on 1744 rows",
            "warning: worse where carrier=UA: loss by +0.0041 to +0.0297 on 418 rows, corrected for 11 slices",
        ),
        champion_side=Side(n=1_750, p50_ms=0.42, p99_ms=1.8),
        challenger_side=Side(n=1_750, p50_ms=0.47, p99_ms=2.6),
        kpis=(
            KpiResult(
                name="missed_delay_cost",
                direction=Direction.LOWER,
                n=1_744,
                champion=0.931,
                challenger=0.8874,
                difference=-0.0436,
                interval=(-0.0791, -0.0081),
                standing=Standing.BETTER,
            ),
        ),
        slices=tuple(
            SliceResult(
                column=column,
                value=value,
                n=n,
                difference=difference,
                interval=(difference - 0.0128, difference + 0.0128),
                standing=standing,
            )
            for column, value, n, difference, standing in (
                ("carrier", "UA", 418, 0.0169, Standing.WORSE),
                ("origin", "EWR", 702, 0.0021, Standing.UNCLEAR),
                ("dep_hour", "18 or more", 391, -0.0007, Standing.UNCLEAR),
                ("origin", "JFK", 544, -0.0093, Standing.UNCLEAR),
                ("carrier", "AA", 604, -0.0148, Standing.BETTER),
                ("dep_hour", "below 9", 466, -0.0174, Standing.BETTER),
            )
        ),
        slices_looked=11,
    )
    return duels.Duel(
        environment=environment,
        model="flights",
        champion=2,
        challenger=4,
        started_at=now - timedelta(hours=3),
        updated_at=now,
        decision=Decision.HOLD,
        verdict=verdict.to_json(),
        path=path,
    )


def _won(environment: str, now: datetime) -> duels.Duel:
    """The one before, of separate arms, with evidence far beyond what decides."""
    path = [
        [n * 25, math.exp(0.06 * n * n / 10 + 0.1), -0.02, -0.05 + 0.0008 * n, 0.01 - 0.0008 * n] for n in range(2, 37)
    ]
    verdict = DuelVerdict(
        decision=Decision.PROMOTE,
        n=900,
        loss="log_loss",
        champion={"log_loss": 0.4611, "roc_auc_score": 0.7192},
        challenger={"log_loss": 0.4398, "roc_auc_score": 0.7404},
        difference=-0.0213,
        interval=(-0.0302, -0.0124),
        p_value=1 / path[-1][1],
        e_value=path[-1][1],
        needed=20.0,
        rows_needed=None,
        reasons=("the challenger's loss is lower by 0.0213", "evidence 2633 of 20 needed, on 2700 and 900 labels"),
        mode=Mode.AB,
        champion_side=Side(n=2_700, p50_ms=0.4, p99_ms=1.7),
        challenger_side=Side(n=900, p50_ms=0.5, p99_ms=1.9),
        ratio=3,
    )
    started = now - timedelta(days=27)
    return duels.Duel(
        environment=environment,
        model="flights",
        champion=1,
        challenger=2,
        started_at=started,
        updated_at=started + timedelta(days=1),
        decision=Decision.PROMOTE,
        verdict=verdict.to_json(),
        path=path,
    )


def _services(tx: Connection, now: datetime) -> None:
    services.announce(tx, ServiceKind.DAEMON, "main", pid=os.getpid(), now=now)
    detail = {
        "requests": 1_840,
        "errors": 12,
        "failed": 0,
        "dropped": 0,
        "endpoints": {"flights": 2, "fuel": 1},
    }
    services.announce(
        tx, ServiceKind.SERVER, "main", pid=os.getpid(), now=now, host="127.0.0.1", port=8780, detail=detail
    )


def predict(console: Console, endpoint: str, version: int, count: int, *, start: int = 0) -> None:
    """Append answers to the prediction log."""
    now = traffic.micros(utc_now())
    draw = random.Random(start)
    records: list[traffic.PredictionRecord] = [
        {
            "id": f"{endpoint}-{start + index}",
            "endpoint": endpoint,
            "version": version,
            "arm": "champion",
            "entity": None,
            "event_at": now,
            "at": now,
            "latency_us": int(draw.gammavariate(4, 120)),
            "inputs": json.dumps({"dep_hour": 3}),
            "answer": "0",
            "score": 0.3,
            "probabilities": None,
        }
        for index in range(count)
    ]
    with console.traffic.write() as tx:
        traffic.append_predictions(tx, records)


def _predictions(console: Console, now: datetime) -> None:
    predict(console, "flights", 2, 1_400)
    predict(console, "fuel", 1, 440)


def review_items(console: Console, count: int, *, first: int = 0, **changes: object) -> list[int]:
    """Put predictions of flights 2 into the review queue, the first one first; gives their items."""
    now = utc_now()
    rows = [
        {
            "environment": console.environment,
            "model": "flights",
            "version": 2,
            "prediction_id": f"review-{number}",
            "entity": f"UA-{1540 + number}",
            "event_at": EVENT + timedelta(hours=number),
            "answered_at": now - timedelta(hours=3, minutes=-number),
            "inputs": json.dumps(
                {name: 7.5 for name in FEATURES} | {"distance": 5200.0, "carrier": "ZZ", "origin": "AA"}
            ),
            "answer": "1",
            "score": 0.54,
            "probabilities": None,
            "confidence": 0.54,
            "stratum": "unsure",
            "why": "confidence 0.54 under 0.6",
            "draw": 0.1,
            "weight": 1.0,
            "probability": 1.0,
            "needed": 1,
            "blind": False,
            "state": "waiting",
            "label": None,
            "decided_at": None,
            "queued_at": now,
            "turn_at": now - timedelta(hours=3, minutes=-number),
            "expires_at": now + timedelta(days=30),
            "skips": 0,
            "closed_at": None,
        }
        | changes
        for number in range(first, first + count)
    ]
    with console.database.write() as tx:
        review_queues.put(
            tx, console.environment, str(rows[0]["model"]), ReviewSpec(confidence_below=0.6, reasons=("weather",))
        )
        reviews.add(tx, rows)
        found = {item.prediction_id: item.id for item in reviews.chosen(tx, console.environment, str(rows[0]["model"]))}
    return [found[str(row["prediction_id"])] for row in rows]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    make_workspace(target)
    with open_console(target) as opened:
        seed(opened)
