"""pipeline.toml: what is read, and what is refused and how."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from quarterdeck.core.errors import ManifestError, NotFoundError
from quarterdeck.core.manifest import (
    GateSpec,
    Manifest,
    MonitoringSpec,
    Promotion,
    RolloutSpec,
    StepSpec,
    Strategy,
    TriggerSpec,
)
from quarterdeck.core.manifest_reader import check_manifest, read_manifest
from quarterdeck.core.toml_lines import parse_toml
from quarterdeck.core.values import Task, TriggerKind

HEAD = """\
[pipeline]
name = "flights"
task = "binary"
target = "late"
[steps.features]
"""

FULL = """\
[pipeline]
name = "flights"
description = "Will a flight be late?"
owner = "network-operations"
task = "binary"
target = "late"
entity = "flight_id"
time = "scheduled"
[steps.flights]
uses = "read_table"
with = { source = "data/flights", last = "90d" }
[steps.features]
inputs = { table = "flights" }
retries = 2
timeout = "10m"
[[gates]]
metric = "roc_auc_score"
min = 0.6
owner = "network-operations"
[[gates]]
metric = "roc_auc_score"
not_worse_than = "champion"
margin = 0.01
confidence = 0.9
[[triggers]]
on = "schedule"
cron = "0 3 * * *"
timezone = "America/New_York"
[[triggers]]
on = "drift"
features = 3
threshold = 0.3
cooldown = "6h"
limit_per_day = 2
[[triggers]]
on = "decay"
metric = "brier_loss"
worse_by = 0.2
[[triggers]]
on = "schedule"
every = "1d"
[[triggers]]
on = "manual"
name = "by-hand"
[monitoring]
window = "7d"
minimum_rows = 10
[rollout]
strategy = "shadow"
promote = "auto"
minimum_labels = 300
maximum_labels = 900
alpha = 0.01
[training]
seed = 7
"""


def check(text: str) -> Manifest:
    return check_manifest(parse_toml(text, name="p.toml"), Path("/w/pipelines/flights"))


def refused(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        check(text)
    return str(caught.value)


def test_every_key_reaches_its_field() -> None:
    manifest = check(FULL)
    assert manifest == Manifest(
        name="flights",
        description="Will a flight be late?",
        owner="network-operations",
        task=Task.BINARY,
        target="late",
        entity="flight_id",
        time="scheduled",
        folder=Path("/w/pipelines/flights"),
        steps=(
            StepSpec(name="flights", uses="read_table", settings={"source": "data/flights", "last": "90d"}),
            StepSpec(
                name="features",
                uses="steps:features",
                inputs={"table": "flights"},
                retries=2,
                timeout=timedelta(minutes=10),
            ),
        ),
        gates=(
            GateSpec(metric="roc_auc_score", minimum=0.6, owner="network-operations"),
            GateSpec(metric="roc_auc_score", not_worse_than="champion", margin=0.01, confidence=0.9),
        ),
        triggers=(
            TriggerSpec(name="schedule", kind=TriggerKind.SCHEDULE, cron="0 3 * * *", timezone="America/New_York"),
            TriggerSpec(
                name="drift",
                kind=TriggerKind.DRIFT,
                features=3,
                threshold=0.3,
                cooldown=timedelta(hours=6),
                limit_per_day=2,
            ),
            TriggerSpec(name="decay", kind=TriggerKind.DECAY, metric="brier_loss", worse_by=0.2, windows=2),
            TriggerSpec(name="schedule-2", kind=TriggerKind.SCHEDULE, every=timedelta(days=1)),
            TriggerSpec(name="by-hand", kind=TriggerKind.MANUAL),
        ),
        monitoring=MonitoringSpec(window=timedelta(days=7), minimum_rows=10),
        rollout=RolloutSpec(
            strategy=Strategy.SHADOW,
            promote=Promotion.AUTO,
            minimum_labels=300,
            maximum_labels=900,
            alpha=0.01,
        ),
        training=manifest.training,
    )
    assert manifest.training.seed == 7


def test_every_part_knows_its_line() -> None:
    manifest = check(FULL)
    assert [step.where for step in manifest.steps] == ["p.toml:9", "p.toml:12"]
    assert manifest.gates[1].where == "p.toml:20"
    assert manifest.triggers[0].where == "p.toml:25"


def test_what_is_left_out_has_its_documented_default() -> None:
    manifest = check(HEAD)
    assert (manifest.description, manifest.owner, manifest.entity, manifest.time) == ("", None, None, None)
    assert (manifest.gates, manifest.triggers) == ((), ())
    assert manifest.monitoring == MonitoringSpec(window=timedelta(hours=1), minimum_rows=50)
    assert manifest.rollout == RolloutSpec(
        strategy=Strategy.DIRECT,
        promote=Promotion.MANUAL,
        minimum_labels=200,
        maximum_labels=2000,
        alpha=0.05,
    )


@pytest.mark.parametrize(
    ("lines", "where", "said"),
    [
        ("retrys = 1", 6, ["`retrys` is not a key of [steps.features]", "did you mean `retries`?"]),
        ("retries = true", 6, ["`retries` is true", "expected a whole number from 0 to 100"]),
        ("retries = -1", 6, ["`retries` is -1", "expected a whole number"]),
        ('timeout = "10 minutes"', 6, ['`timeout` is "10 minutes"', '"10m"']),
        ('timeout = "0s"', 6, ['`timeout` is "0s"', "longer than zero"]),
        ("timeout = 10", 6, ["`timeout` is 10", "expected a duration"]),
        ('uses = "steps:"', 6, ['`uses` is "steps:"', '"module:function"']),
        ('uses = ""', 6, ['`uses` is ""']),
        ("with = 3", 6, ["`with` is 3; expected a table"]),
        ("with = { a = [1, { b = nan }] }", 6, ["`a` holds nan"]),
        ("with = { since = 2013-01-01 }", 6, ["`since` holds 2013-01-01", "expected text"]),
        ('inputs = { table = "feature" }', 6, ['`table` is "feature", which is not a step', "features"]),
        ("inputs = { table = [1] }", 6, ["`table` is a list, which is not a step"]),
        ("[steps.pipeline]", 6, ["`pipeline` cannot name a step"]),
        ("[steps.2nd]", 6, ["`2nd` cannot name a step"]),
        ("[steps.class]", 6, ["`class` cannot name a step"]),
        ("[gate]\n", 6, ["`gate` is not a key of the file", "did you mean `gates`?"]),
        ("[gates]\nmetric = 'a'", 6, ["`gates` is a table", "[[gates]]"]),
        ("[[gates]]\nmin = 1", 6, ["[[gates]] has no key `metric`"]),
        ('[[gates]]\nmetric = "a"', 6, ["has none", "exactly one of min, max, not_worse_than"]),
        ('[[gates]]\nmetric = "a"\nmin = 1\nmax = 2', 6, ["has min and max"]),
        ('[[gates]]\nmetric = "a"\nmin = "1"', 8, ['`min` is "1"; expected a number']),
        ('[[gates]]\nmetric = "a"\nmin = nan', 8, ["`min` is nan; expected a number"]),
        (
            '[[gates]]\nmetric = "a"\nminimum = 1\nmin = 1',
            8,
            ["`minimum` is not a key of [[gates]]", "`min`?"],
        ),
        ('[[gates]]\nmetric = "a"\nmin = 1\nmargin = 1', 9, ["only beside not_worse_than"]),
        ('[[gates]]\nmetric = "a"\nnot_worse_than = "previous"', 8, ['expected "champion"']),
        ('[[gates]]\nmetric = "a"\nnot_worse_than = "champion"\nconfidence = 95', 9, ["0.5 to below 1"]),
        ('[[gates]]\nmetric = "a"\nnot_worse_than = "champion"\nmargin = -1', 9, ["from 0 on"]),
        ("[[gates]]\nmetric = [1]\nmin = 1", 7, ["`metric` is a list"]),
        ('[[triggers]]\ncron = "* * * * *"', 6, ["[[triggers]] has no key `on`"]),
        ('[[triggers]]\non = "schedul"', 7, ['`on` is "schedul"', "did you mean `schedule`?"]),
        ('[[triggers]]\non = "webhook"', 6, ["no key `secret`"]),
        ('[[triggers]]\non = "webhook"\nsecret = "whsec_abc"', 8, ['"env:NAME" of an environment variable']),
        ('[[triggers]]\non = "new_data"\npath = "data"', 6, ["no key `source`", "source, files, rows"]),
        ('[[triggers]]\non = "new_data"\nsource = "s3://k:s@b/x"', 8, ["without a password"]),
        ('[[triggers]]\non = "new_data"\nsource = "a"\nrows = 5\nfiles = 2', 10, ["one of the two"]),
        ('[[triggers]]\non = "feedback"', 6, ["no key `labels`"]),
        ('[[triggers]]\non = "code"\nbranch = "--upload-pack"', 8, ["the name of a branch"]),
        ('[[triggers]]\non = "code"\nbranch = "a..b"', 8, ["the name of a branch"]),
        ('[[triggers]]\non = "manual"\nbudget = "2"', 8, ["a duration"]),
        ('[[triggers]]\non = "manual"\nbudget_per = "month"', 8, ["day, week"]),
        ('[[triggers]]\non = "schedule"\nevery = "1h"\nmisfire = "twice"', 9, ["skip, once, all"]),
        ('[[triggers]]\non = "schedule"\ncron = "61 * * * *"', 8, ["minute '61': expected 0 to 59"]),
        ('[[triggers]]\non = "schedule"\ncron = "0 0 30 2 *"', 8, ["never comes"]),
        ('[[triggers]]\non = "schedule"', 6, ["exactly one of cron and every"]),
        ('[[triggers]]\non = "schedule"\ncron = "0 3 * *"', 8, ["five fields"]),
        ('[[triggers]]\non = "schedule"\nevery = "1d"\ntimezone = "UTC"', 9, ["only beside cron"]),
        (
            '[[triggers]]\non = "schedule"\ncron = "0 3 * * *"\ntimezone = "America/NewYork"',
            9,
            ["time zone", "America/New_York"],
        ),
        ('[[triggers]]\non = "schedule"\ncron = "0 3 * * *"\ntimezone = "America"', 9, ["time zone"]),
        ('[[triggers]]\non = "schedule"\ncron = "0 3 * * *"\ntimezone = "../x"', 9, ["time zone"]),
        (
            '[[triggers]]\non = "drift"\nwors_by = 1',
            8,
            ['not a key of [[triggers]] with on = "drift"', "features, threshold, windows"],
        ),
        ('[[triggers]]\non = "drift"\nmetric = "a"', 8, ['with on = "drift"']),
        ('[[triggers]]\non = "drift"\nfeatures = 0', 8, ["whole number from 1 on"]),
        ('[[triggers]]\non = "decay"\nworse_by = 0.1', 6, ["no key `metric`"]),
        ('[[triggers]]\non = "decay"\nmetric = "a"\nworse_by = 0', 9, ["fraction above 0"]),
        (
            '[[triggers]]\non = "manual"\nname = "a"\n[[triggers]]\non = "manual"\nname = "a"',
            11,
            ["the trigger in line 6 has"],
        ),
        ('[monitoring]\nwindow = "1 h"', 7, ["`window`"]),
        ("[monitoring]\nminimum_rows = 0", 7, ["from 1 on"]),
        ('[rollout]\nstrategy = "shade"', 7, ["did you mean `shadow`?"]),
        ("[rollout]\nstrategy = 1", 7, ["`strategy` is 1"]),
        ("[rollout]\nalpha = 0.9", 7, ["up to 0.5"]),
        ("[training]\nseed = 4294967296", 7, ["`seed` is 4294967296"]),
    ],
)
def test_a_wrong_key_is_refused_at_its_line_with_what_was_expected(lines: str, where: int, said: list[str]) -> None:
    message = refused(f"{HEAD}{lines}\n")
    assert message.startswith(f"p.toml:{where}: ")
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"flights"', '"Flights"', ["p.toml:2", "small letter"]),
        ('"flights"', '"fuel"', ["p.toml:2", 'the name of its folder, "flights"']),
        ('task = "binary"', 'task = "binery"', ["p.toml:3", "did you mean `binary`?"]),
        ('task = "binary"\n', "", ["p.toml:1", "no key `task`"]),
        ('target = "late"', "target = 3", ["p.toml:4", "`target` is 3; expected text"]),
        ('target = "late"', 'target = "late"\ntime = "late"', ["p.toml:5", "already the target"]),
        ("[steps.features]", "[step.features]", ["has no key `steps`", "p.toml:5", "did you mean `steps`?"]),
        ("[steps.features]", "[steps]", ["p.toml:5", "has no step"]),
        ("[pipeline]", "[pipline]", ["p.toml:1", "did you mean `pipeline`?", "no key `pipeline`"]),
    ],
)
def test_a_wrong_head_is_refused(old: str, new: str, said: list[str]) -> None:
    message = refused(HEAD.replace(old, new, 1))
    for part in said:
        assert part in message


def test_all_that_is_wrong_is_reported_in_the_order_of_the_file() -> None:
    message = refused(HEAD.replace("binary", "binay") + "retrys = 1\n[rollout]\nalpha = 2\n")
    assert [line.split(": ")[0] for line in message.splitlines()] == ["p.toml:3", "p.toml:6", "p.toml:8"]


def test_two_gates_of_a_kind_on_one_metric_are_refused_and_of_different_kinds_are_not() -> None:
    low = '[[gates]]\nmetric = "a"\nmin = 1\n'
    assert "already set by the gate in line 6" in refused(HEAD + low + low)
    assert len(check(HEAD + low + low.replace("min", "max")).gates) == 2


def test_a_derived_trigger_name_avoids_a_given_one() -> None:
    text = '[[triggers]]\non = "manual"\n[[triggers]]\non = "drift"\nname = "manual"\n'
    assert [trigger.name for trigger in check(HEAD + text).triggers] == ["manual-2", "manual"]


def test_a_file_is_named_from_the_workspace_on(tmp_path: Path) -> None:
    path = tmp_path / "pipelines" / "flights" / "pipeline.toml"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD + "retrys = 1\n")
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert caught.value.where == "pipelines/flights/pipeline.toml:6"
    path.write_text(HEAD)
    assert read_manifest(path).folder == path.parent


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_manifest(tmp_path / "pipeline.toml")


def test_reading_loads_no_heavy_library() -> None:
    code = (
        "import sys, quarterdeck.core.manifest_reader, quarterdeck.core.settings\n"
        "import quarterdeck.core.pipeline.graph, quarterdeck.core.pipeline.loading\n"
        "print(sorted(sys.modules.keys() & {'numpy', 'polars', 'sklearn', 'scipy', 'sqlalchemy', 'textual'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
