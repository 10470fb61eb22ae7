"""[rollout] of pipeline.toml: every key reaches its field, and a wrong one is refused at its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import (
    DEFAULT_CHECKS,
    AnalysisSpec,
    CheckSpec,
    Promotion,
    RolloutSpec,
    Strategy,
)
from quarterdeck.core.manifest_reader import check_manifest
from quarterdeck.core.manifest_rollout import ANALYSIS_KEYS, CHECK_KEYS, ROLLOUT_KEYS
from quarterdeck.core.manifest_service import LOAD_KEYS, SERVICE_KEYS
from quarterdeck.core.service_spec import LoadSpec, ServiceSpec
from quarterdeck.core.toml_lines import parse_toml

HEAD = '[pipeline]\nname = "flights"\ntask = "binary"\ntarget = "late"\n[steps.features]\n[rollout]\n'
FULL = """
strategy = "canary"
promote = "auto"
steps = [5, 12.5, 100]
shadow_first = true
approvals = 2
minimum_labels = 300
maximum_labels = 900
alpha = 0.01
bake = "10m"
[rollout.analysis]
interval = "30s"
delay = "10s"
count = 5
failure_limit = 1
inconclusive_limit = 3
consecutive_errors = 2
minimum_requests = 50
[[rollout.checks]]
measure = "error_rate"
max = 0.01
fail_above = 0.1
[[rollout.checks]]
measure = "roc_auc_score"
min = 0.7
fail_below = 0.6
"""


def check(text: str) -> RolloutSpec:
    return check_manifest(parse_toml(HEAD + text, name="p.toml"), Path("/w/pipelines/flights")).rollout


def test_every_key_reaches_its_field() -> None:
    assert check(FULL) == RolloutSpec(
        strategy=Strategy.CANARY,
        promote=Promotion.AUTO,
        steps=(5.0, 12.5, 100.0),
        shadow_first=True,
        approvals=2,
        minimum_labels=300,
        maximum_labels=900,
        alpha=0.01,
        bake=timedelta(minutes=10),
        analysis=AnalysisSpec(
            interval=timedelta(seconds=30),
            delay=timedelta(seconds=10),
            count=5,
            failure_limit=1,
            inconclusive_limit=3,
            consecutive_errors=2,
            minimum_requests=50,
        ),
        checks=(
            CheckSpec(measure="error_rate", maximum=0.01, fail_above=0.1),
            CheckSpec(measure="roc_auc_score", minimum=0.7, fail_below=0.6),
        ),
    )
    assert check('strategy = "ab"\nweight = 20').weight == 20.0


def test_a_check_may_measure_a_kpi_that_a_gate_asks_for() -> None:
    gate = '[[gates]]\nmetric = "cost"\nmax = 1\n'
    assert check(f'[[rollout.checks]]\nmeasure = "cost"\nmax = 2\n{gate}').checks[0].measure == "cost"


def test_without_checks_errors_and_latency_are_watched() -> None:
    assert check('strategy = "canary"').checks == DEFAULT_CHECKS
    assert {item.measure for item in DEFAULT_CHECKS} == {"error_rate", "p99_ratio"}


def test_a_canary_may_ask_for_no_labels_and_the_others_may_not() -> None:
    assert check('strategy = "canary"\nminimum_labels = 0').minimum_labels == 0
    for strategy in ('"shadow"', '"ab"', '"canary"\nshadow_first = true'):
        with pytest.raises(ManifestError, match="whole number from 2 on"):
            check(f"strategy = {strategy}\nminimum_labels = 0")


@pytest.mark.parametrize(
    ("lines", "where", "said"),
    [
        ("stratgy = 1", 7, ["`stratgy` is not a key of [rollout]", "did you mean `strategy`?"]),
        ('strategy = "canry"', 7, ["did you mean `canary`?"]),
        ('strategy = "canary"\nsteps = [5, 5]', 8, ["is [5, 5]", "each greater than the one before"]),
        ('strategy = "canary"\nsteps = [5, 120]', 8, ["up to 100"]),
        ('strategy = "canary"\nsteps = [100]', 8, ["percents above 0"]),
        ('strategy = "canary"\nsteps = []', 8, ["percents above 0"]),
        ('strategy = "canary"\nsteps = [true, 50]', 8, ["percents above 0"]),
        ('strategy = "canary"\nsteps = 5', 8, ["is 5; expected percents"]),
        ('strategy = "canary"\nshadow_first = 1', 8, ["expected true or false"]),
        ("steps = [5]", 7, ['says nothing with strategy = "direct"; expected only with "canary"']),
        ('strategy = "canary"\nweight = 5', 8, ['expected only with "ab"']),
        ('strategy = "ab"\nweight = 100', 8, ["a percentage above 0, below 100"]),
        ("approvals = 3", 7, ["from 0 to 2"]),
        ('bake = "0s"', 7, ["longer than zero"]),
        ("[rollout.analysis]\nintervall = 1", 8, ["not a key of [rollout.analysis]", "did you mean `interval`?"]),
        ("[rollout.analysis]\ncount = 0", 8, ["from 1 to 10000"]),
        ('[[rollout.checks]]\nmeasure = "p99_ms"', 7, ["[[rollout.checks]] has no bound", "min, max, fail_below"]),
        ("[[rollout.checks]]\nmax = 1", 7, ["no key `measure`"]),
        ('[[rollout.checks]]\nmeasure = "p99 ms"\nmax = 1', 8, ['is "p99 ms"; expected the name']),
        (
            '[[rollout.checks]]\nmeasure = "eror_rate"\nmax = 1',
            8,
            ["expected one of error_rate, p99_ms, p99_ratio, roc_auc_score", "did you mean `error_rate`?"],
        ),
        ('[[rollout.checks]]\nmeasure = "cost"\nmax = 1', 8, ["A KPI is known where a gate asks for it"]),
        ('[[rollout.checks]]\nmeasure = "p99_ms"\nmx = 1', 9, ["did you mean `max`?"]),
        (
            '[[rollout.checks]]\nmeasure = "p99_ms"\nmax = 2\nfail_above = 1',
            10,
            ["`fail_above` is 1", "at least `max`, 2"],
        ),
        (
            '[[rollout.checks]]\nmeasure = "p99_ms"\nmin = 2\nfail_below = 3',
            10,
            ["`fail_below` is 3", "at most `min`, 2"],
        ),
        ('[[rollout.checks]]\nmeasure = "p99_ms"\nmin = 2\nmax = 1', 10, ["at least `min`, 2"]),
        (
            '[[rollout.checks]]\nmeasure = "p99_ms"\nmax = 2\n[[rollout.checks]]\nmeasure = "p99_ms"\nmin = 1',
            11,
            ["which the check in line 7 has"],
        ),
    ],
)
def test_a_wrong_key_is_refused_at_its_line_with_what_was_expected(lines: str, where: int, said: list[str]) -> None:
    with pytest.raises(ManifestError) as caught:
        check(f"{lines}\n")
    lines_said = str(caught.value).splitlines()
    assert any(line.startswith(f"p.toml:{where}: ") for line in lines_said)
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize("key", [*ROLLOUT_KEYS, *ANALYSIS_KEYS, *CHECK_KEYS, *SERVICE_KEYS, *LOAD_KEYS])
def test_every_key_is_documented(key: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "rollouts.md"
    assert f"`{key}`" in page.read_text(encoding="utf-8")


def test_what_the_server_is_asked_reaches_its_fields() -> None:
    text = """
[rollout.service]
load = { rate = 200, duration = "20s", ramp = "0s", rows = 2, processes = 3, p99_ms = 5, error_rate = 0, min_qps = 150 }
"""
    load = LoadSpec(
        rate=200.0, duration=timedelta(seconds=20), ramp=timedelta(0), rows=2, processes=3, p99_ms=5.0, error_rate=0.0,
        min_qps=150.0,
    )  # fmt: skip
    assert check(text).service == ServiceSpec(test=True, load=load)
    assert check("[rollout.service]\n").service == ServiceSpec()
    assert check("[rollout.service]\nload = { connections = 4 }").service == ServiceSpec(load=LoadSpec(connections=4))
    assert check("").service is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("test = 1", "`test` is 1; expected true or false"),
        ("test = false", "nothing would be asked"),
        ("tests = true", "did you mean `test`?"),
        ("load = {}", "`load` has neither of `rate` and `connections`"),
        ("load = { rate = 1, connections = 1 }", "`load` has both of `rate` and `connections`"),
        ("load = { rate = 0 }", "expected requests a second, above 0, up to 20000"),
        ('load = { rate = 1, duration = "11m" }', "expected at most 10 minutes"),
        ("load = { rate = 1, error_rate = 2 }", "expected a share from 0 to 1"),
        ("load = { rate = 1, p99 = 2 }", "did you mean `p99_ms`?"),
        ("load = 5", "`load` is 5; expected a table"),
    ],
)
def test_what_the_server_cannot_be_asked_is_refused_at_its_line(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as error:
        check(f"[rollout.service]\n{text}")
    assert said in str(error.value)
    assert error.value.where == f"p.toml:{HEAD.count(chr(10)) + 2}"
