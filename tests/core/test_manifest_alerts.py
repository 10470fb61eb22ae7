"""[[alerts]] of both files: every key reaches its field, a wrong one is refused at its line, all are documented."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from quarterdeck.core.alerting_spec import DEFAULTS, OF_MODEL, AlertOn, AlertSpec, reopens_within, rule_for, rules_of
from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest_alerts import ALERT_KEYS, ALERT_KEYS_BY_KIND
from quarterdeck.core.manifest_reader import check_manifest
from quarterdeck.core.settings import read_settings
from quarterdeck.core.toml_lines import parse_toml
from quarterdeck.core.values import Severity

HEAD = '[pipeline]\nname = "flights"\ntask = "binary"\ntarget = "late"\n[steps.features]\n'
DOCS = Path(__file__).parents[2] / "docs" / "alerts.md"


def check(text: str) -> tuple[AlertSpec, ...]:
    return check_manifest(parse_toml(HEAD + text, name="p.toml"), Path("/w/pipelines/flights")).alerts


def test_every_key_reaches_its_field() -> None:
    found = check(
        '[[alerts]]\non = "performance"\nmetric = "auc"\nmin = 0.6\nmax = 0.9\nslices = true\nwindows = 3\n'
        'severity = "critical"\ncooldown = "2h"\n'
        '[[alerts]]\non = "errors"\nrate = 0.1\ncritical = 0.5\nfor = "10m"\n'
        '[[alerts]]\non = "drift"\nfeatures = 4\noff = true\n'
    )
    assert found == (
        AlertSpec(
            on=AlertOn.PERFORMANCE, metric="auc", minimum=0.6, maximum=0.9, slices=True, windows=3,
            severity=Severity.CRITICAL, cooldown=timedelta(hours=2),
        ),
        AlertSpec(on=AlertOn.ERRORS, threshold=0.1, critical=0.5, lasting=timedelta(minutes=10)),
        AlertSpec(on=AlertOn.DRIFT, threshold=4.0, windows=2, off=True),
    )  # fmt: skip


@pytest.mark.parametrize("kind", OF_MODEL)
def test_a_rule_with_nothing_but_its_kind_is_the_default(kind: AlertOn) -> None:
    assert check(f'[[alerts]]\non = "{kind}"\n') == (DEFAULTS[kind],)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('on = "drfit"', ["p.toml:7: `on` is \"drfit\"", "did you mean `drift`?"]),
        ('on = "daemon"', ["is set in quarterdeck.toml"]),
        ('on = "drift"\nrate = 0.1', ['`rate` is not a key of [[alerts]] with on = "drift"']),
        ('on = "errors"\nrate = 5', ["`rate` is 5; expected a share above 0, up to 1"]),
        ('on = "errors"\nrate = 0.5\ncritical = 0.1', ["`critical` is 0.1, below the threshold, 0.5"]),
        ('on = "run"\nfailures = 0', ["`failures` is 0; expected a number above 0"]),
        ('on = "kpi"\nmin = 3', ["`min` says nothing without `metric`"]),
        ('on = "kpi"\nmetric = "cost"\nmin = 3\nmax = 2', ["`max` is 2, below `min`, 3"]),
        ('on = "silence"\nfor = "soon"', ["`for` is \"soon\"; expected a duration"]),
        ('on = "drift"\nseverity = "loud"', ["expected one of info, warning, critical"]),
        ('on = "drift"\n[[alerts]]\non = "drift"', ['p.toml:9: `on` = "drift" is set already in line 6']),
        ("severity = \"info\"", ["[[alerts]] has no key `on`"]),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_at_its_line(text: str, said: list[str]) -> None:
    with pytest.raises(ManifestError) as caught:
        check(f"[[alerts]]\n{text}\n")
    for part in said:
        assert part in str(caught.value)


def test_a_threshold_above_the_defaults_second_one_has_none() -> None:
    (found,) = check('[[alerts]]\non = "errors"\nrate = 0.9\n')
    assert (found.threshold, found.critical) == (0.9, None)


def test_the_rules_of_the_workspace_stand_in_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.toml"
    path.write_text('[[alerts]]\non = "daemon"\nfor = "5m"\n')
    assert [(rule.on, rule.lasting) for rule in read_settings(path).alerts] == [(AlertOn.DAEMON, timedelta(minutes=5))]
    path.write_text('[[alerts]]\non = "drift"\n')
    with pytest.raises(ManifestError, match=r"is set in pipeline\.toml"):
        read_settings(path)


def test_a_metrics_own_rule_comes_before_the_general_one_and_that_before_the_default() -> None:
    own = AlertSpec(on=AlertOn.KPI, metric="cost", maximum=3.0)
    rules = rules_of([own], OF_MODEL)
    assert rule_for(rules, AlertOn.KPI, "cost") is own
    assert rule_for(rules, AlertOn.KPI, "delay") is DEFAULTS[AlertOn.KPI]
    off = AlertSpec(on=AlertOn.KPI, off=True)
    assert rule_for(rules_of([own, off], OF_MODEL), AlertOn.KPI, "delay") is off


def test_what_is_seen_in_windows_comes_back_within_three_of_them() -> None:
    day = timedelta(days=1)
    assert reopens_within(DEFAULTS[AlertOn.DRIFT], day) == 3 * day
    assert reopens_within(DEFAULTS[AlertOn.ERRORS], day) == timedelta(hours=1)
    assert reopens_within(AlertSpec(on=AlertOn.DRIFT, cooldown=day), 7 * day) == day


@pytest.mark.parametrize("key", sorted({*ALERT_KEYS, *(key for keys in ALERT_KEYS_BY_KIND.values() for key in keys)}))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in DOCS.read_text() or f"{key} = " in DOCS.read_text()
