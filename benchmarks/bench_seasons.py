"""A year with strong seasons must not retrain endlessly: how often drift and decay train anew, and why. Ten minutes.

Two streams: the flights of 2013 from April on, in weeks (sample_data), and generated days whose weather goes round with
the year while what is predicted follows it unchanged. Everything is the product's own and in one process: the windows
are counted and judged as the monitor does it, held against the triggers by its watch, and each run that they start is
trained on what was known by then, judged by its gates, and promoted where they let it. "loop" is the same with
`backoff = false`, for 60 windows at most: what would happen without the rule. "unused" never promotes: nobody takes
what was trained.

    python benchmarks/bench_seasons.py [--json]
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count as counting
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from quarterdeck.core.manifest import Manifest
from quarterdeck.core.operations import Window
from quarterdeck.core.profile import Profile, count
from quarterdeck.core.registry import Version
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Alias, RunStatus
from quarterdeck.scheduler.assessment import answers_of
from quarterdeck.scheduler.execution import execute
from quarterdeck.scheduler.judging import Judged, judge_labels, judge_window
from quarterdeck.scheduler.manifests import sync
from quarterdeck.scheduler.results import Results
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.scheduler.watch import Watch
from quarterdeck.store import registry, runs, triggers, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.workspace import create_workspace, load_manifest

SEASONS = """
[pipeline]
name = "seasons"
task = "regression"
target = "load"
entity = "id"
time = "at"
[steps.rows]
uses = "read_table"
with = { source = "data/rows" }
[steps.features]
[steps.split]
uses = "split_by_time"
with = { holdout = "14d" }
[steps.model]
uses = "fit"
with = { estimator = "sklearn.linear_model.Ridge" }
[steps.evaluation]
uses = "evaluate"
[[gates]]
metric = "mean_absolute_error"
max = 5.0
[[triggers]]
on = "drift"
[[triggers]]
on = "decay"
metric = "mean_absolute_error"
worse_by = 0.2
[monitoring]
window = "1d"
[rollout]
promote = "auto"
"""
STEPS = "def features(rows):\n    return rows\n"
LOOPED = 60  # windows of "loop" that are played: it trains in each of them
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
STRATEGIES = {
    "rule": ('promote = "auto"', "backoff = true"),
    "loop": ('promote = "auto"', "backoff = false"),
    "unused": ('promote = "manual"', "backoff = true"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """Rows in the order of their time, with what a model takes and the answer; `write` puts known ones into data."""

    name: str
    rows: pl.DataFrame
    begin: datetime
    write: Any


def generated() -> Stream:
    """A row each quarter of an hour of 15 months: temperature with the year and the day, load from both."""
    draw, start, rows = random.Random(7), FIRST_DAY, []
    for number in range(96 * 456):
        at = start + timedelta(minutes=15 * number)
        year, day = (number / 96 - 20) / 365.25 * math.tau, number % 96 / 96 * math.tau
        temperature = 11 - 12 * math.cos(year) - 4 * math.cos(day) + draw.gauss(0, 1.5)
        light = max(0.0, 12 - 5 * math.cos(year) + draw.gauss(0, 0.2))
        load = 80 - 1.5 * temperature + 6 * math.sin(day) + draw.gauss(0, 2)
        rows.append((f"r{number}", at, temperature, light, number % 96 / 4.0, math.sin(day), load))
    names = ["id", "at", "temperature", "daylight", "hour", "wave", "load"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))

    def write(data: Path, until: datetime) -> None:
        (data / "rows").mkdir(parents=True, exist_ok=True)
        frame.filter(pl.col("at") < until).write_parquet(data / "rows" / "rows.parquet")

    return Stream(name="seasons", rows=frame, begin=FIRST_DAY + timedelta(days=91), write=write)


def flights(manifest: Manifest) -> Stream:
    from quarterdeck.scheduler.replay.sources import STREAMS, _features, read_samples, write_known

    samples, stream = read_samples(), STREAMS[0]

    def write(data: Path, until: datetime) -> None:
        write_known(data, samples, stream, after=None, until=until)

    return Stream(name="flights", rows=_features(manifest, samples), begin=stream.begin, write=write)


@contextmanager
def opened(name: str, story: str) -> Iterator[State]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "workspace", data=False)
        path = workspace.pipelines_folder / name
        path.mkdir(exist_ok=True)
        if name == "seasons":
            (path / "pipeline.toml").write_text(SEASONS)
            (path / "steps.py").write_text(STEPS)
        text = (path / "pipeline.toml").read_text()
        promote, backoff = STRATEGIES[story]
        text = text.replace('strategy = "shadow"', 'strategy = "direct"')
        text = text.replace('promote = "manual"', promote).replace('promote = "auto"', promote)
        for kind in ("drift", "decay"):
            text = text.replace(f'on = "{kind}"', f'on = "{kind}"\n{backoff}')
        (path / "pipeline.toml").write_text(text)
        with open_state(workspace) as state:
            yield state


def train(state: State, run: Run, stream: Stream, until: datetime) -> None:
    """What a worker does, on what was known by then."""
    data = state.workspace.root / "data"
    for old in data.glob("*/*.parquet"):
        old.unlink()
    stream.write(data, until)
    with state.database.write() as tx:
        runs.claim(tx, run.id, pid=1, process_started=0.0, now=run.requested_at)
    number = execute(state, runs_get(state, run.id))
    with state.database.write() as tx:
        runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=run.requested_at, version=number)


def runs_get(state: State, number: int) -> Run:
    with state.database.read() as tx:
        return runs.get(tx, number)


def champion(state: State, name: str) -> Version:
    with state.database.read() as tx:
        return registry.get(tx, name, registry.aliases(tx, name, state.environment)[Alias.CHAMPION])


class Models:
    """Versions' models and profiles, loaded once."""

    def __init__(self, state: State) -> None:
        self._store = ArtifactStore(state.workspace.artifacts)
        self._results = Results(state.database, self._store)
        self._kept: dict[str, Any] = {}

    def of(self, version: Version) -> tuple[Any, Profile]:
        if version.artifact not in self._kept:
            profile = Profile.from_json(json.loads(self._store.get(version.profile or "")))
            self._kept[version.artifact] = (self._results.load(version.artifact), profile)
        return self._kept[version.artifact]


def judged(manifest: Manifest, version: Version, models: Models, rows: pl.DataFrame, start: datetime) -> Window:
    """The window as the monitor makes it: counts in the profile's bins, drift from them, metrics from labels."""
    model, profile = models.of(version)
    answers = answers_of(model, rows)
    scores = [float(score) for score in answers.scores]
    counts = count(profile, {name: rows[name].to_list() for name in profile.names}, scores=scores)
    enough = rows.height >= manifest.monitoring.minimum_rows
    found = judge_window(profile, counts, manifest) if enough else Judged()
    labelled = [
        SimpleNamespace(label=json.dumps(label), score=score, probabilities=None)
        for label, score in zip(rows[manifest.target].to_list(), scores, strict=True)
    ]
    return Window(
        model=manifest.name, version=version.number, start=start, end=start + manifest.monitoring.window, closed=True,
        rows=rows.height, labelled=len(labelled), drifted=found.drifted, drift=found.drift,
        quality=found.quality, dataset_drift=found.dataset_drift, metrics=judge_labels(version.signature, labelled),
        p50_ms=None, p99_ms=None, updated_at=start,
    )  # fmt: skip


def play(name: str, story: str) -> dict[str, Any]:
    with opened(name, story) as state:
        manifest = load_manifest(state.workspace, name)
        manifest = replace(manifest, triggers=tuple(t for t in manifest.triggers if t.kind in ("drift", "decay")))
        stream = generated() if name == "seasons" else flights(manifest)
        with state.database.write() as tx:
            sync(tx, manifest, stream.begin)
            first = runs.request(tx, name, by="bench", cause={"kind": "manual"}, now=stream.begin)
        train(state, first, stream, stream.begin)
        if story == "unused" or Alias.CHAMPION not in _names(state, name):
            _promote(state, name, stream.begin)
        models, watch, width = Models(state), Watch(state), manifest.monitoring.window
        found: dict[str, Any] = {"windows": 0, "drifting": 0, "trainings": []}
        for number in counting():
            start = stream.begin + number * width
            time = pl.col(manifest.time or "")
            rows = stream.rows.filter((time >= start) & (time < start + width))
            if rows.is_empty() or (story == "loop" and number == LOOPED):
                return found | {"versions": champion(state, name).number}
            version = champion(state, name)
            window = judged(manifest, version, models, rows, start)
            found["windows"] += 1
            found["drifting"] += bool(window.drifted)
            with state.database.write() as tx:
                windows.put(tx, window)
            watch.tick({name: manifest}, {name}, start + width)
            with state.database.read() as tx:
                pending = runs.unfinished(tx, name)
            for run in pending:
                train(state, run, stream, start + width)
                found["trainings"].append(_told(state, run, start))
    raise AssertionError


def _names(state: State, name: str) -> Any:
    with state.database.read() as tx:
        return registry.aliases(tx, name, state.environment)


def _promote(state: State, name: str, now: datetime) -> None:
    from quarterdeck.core.ledger import Audit
    from quarterdeck.store import promotion

    with state.database.write() as tx:
        audit = Audit(actor="bench", environment=state.environment, at=now, reason="the first champion")
        promotion.promote(tx, name, 1, audit, saw_champion=None)


def _told(state: State, run: Run, start: datetime) -> str:
    with state.database.read() as tx:
        (firing,) = triggers.firings(tx, run_id=run.id)
        done = runs.get(tx, run.id)
        state_of = "no version" if done.version is None else registry.get(tx, run.pipeline, done.version).state
    loss = {True: ", a loss", False: ", no loss", None: ""}[firing.evidence.get("loss")]
    if run.cause["kind"] == "decay":
        last = firing.evidence["windows"][-1][1]
        return f"{start:%m-%d} decay: {firing.evidence['metric']} {last:.3g}: {state_of}"
    names = ", ".join(firing.evidence["psi"])
    return f"{start:%m-%d} drift of {names}{loss}: {state_of}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=("flights", "seasons"))
    parser.add_argument("--stories", nargs="+", choices=tuple(STRATEGIES), default=tuple(STRATEGIES))
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    streams = [asked.only] if asked.only else ["flights", "seasons"]
    for name in streams:
        for story in asked.stories:
            what = play(name, story)
            if asked.json:
                print(json.dumps({"stream": name, "story": story} | what), flush=True)
                continue
            numbers = (
                f"{len(what['trainings'])} trainings in {what['windows']} windows, {what['drifting']} of which drift"
            )
            print(f"{name}, {story}: {numbers}", flush=True)
            for line in what["trainings"] if story != "loop" else []:
                print(f"    {line}", flush=True)


if __name__ == "__main__":
    main()
