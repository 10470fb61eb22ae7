"""The metrics that gates and triggers name are found before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import GateSpec, Manifest, TriggerSpec
from quarterdeck.core.pipeline.kpis import load_kpis
from quarterdeck.core.values import Task, TriggerKind


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "steps.py").write_text("def cost(y_true, y_pred):\n    return float(len(y_true))\n")
    gates = (GateSpec(metric="mean_absolute_error", maximum=1.0), GateSpec(metric="cost", maximum=9.0))
    return Manifest(name="fuel", task=Task.REGRESSION, target="y", steps=(), folder=tmp_path, gates=gates)


def test_a_function_of_the_users_own_is_a_kpi_and_a_known_metric_is_not(manifest: Manifest) -> None:
    kpis = load_kpis(manifest)
    assert set(kpis) == {"cost"}
    assert kpis["cost"]([1, 2], [1, 2]) == 2.0


def test_a_metric_that_nobody_knows_is_named_with_its_line_and_the_nearest(manifest: Manifest) -> None:
    wrong = replace(manifest, gates=(GateSpec(metric="mean_abs_error", maximum=1.0, where="p.toml:9"),))
    with pytest.raises(ManifestError, match="mean_absolute_error") as caught:
        load_kpis(wrong)
    assert caught.value.where == "p.toml:9"


def test_a_function_with_another_signature_is_refused_at_the_gates_line(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("def cost(y_true, y_pred, frame):\n    return 1.0\n")
    gates = (GateSpec(metric="cost", maximum=9.0, where="p.toml:9"),)
    with pytest.raises(ManifestError, match="cost is no KPI") as caught:
        load_kpis(replace(manifest, gates=gates))
    assert caught.value.where == "p.toml:9"
    assert "def cost(y_true, y_pred, rows)" in str(caught.value.hint)


def test_what_is_asked_of_the_served_model_is_no_kpi(manifest: Manifest) -> None:
    gates = (GateSpec(metric="latency_p99_ms", maximum=5.0), GateSpec(metric="target_compatible"))
    assert load_kpis(replace(manifest, gates=gates)) == {}


def test_a_metric_that_windows_are_not_measured_by_is_for_gates_alone(manifest: Manifest) -> None:
    gate = GateSpec(metric="max_error", maximum=9.0)
    assert load_kpis(replace(manifest, gates=(gate,))) == {}
    trigger = TriggerSpec(name="decay", kind=TriggerKind.DECAY, metric="max_error", worse_by=0.1)
    with pytest.raises(ManifestError, match="in live windows"):
        load_kpis(replace(manifest, triggers=(trigger,)))


def test_decay_is_watched_on_a_metric_of_the_task(manifest: Manifest) -> None:
    trigger = TriggerSpec(name="decay", kind=TriggerKind.DECAY, metric="cost", worse_by=0.1, where="p.toml:12")
    with pytest.raises(ManifestError, match="'cost'"):
        load_kpis(replace(manifest, triggers=(trigger,)))
