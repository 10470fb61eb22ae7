"""Read pipeline.toml and check every key of it.

All that is wrong is reported at once, each with file, line, key, what was found, what was expected, and the
nearest valid name. The gates are read in manifest_gates.py, the triggers in manifest_triggers.py, the alerts in
manifest_alerts.py, what the monitor judges by in manifest_monitoring.py, the rollout in manifest_rollout.py, the review
in manifest_review.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quarterdeck.core.gate_kinds import SERVED
from quarterdeck.core.manifest import GateSpec, Manifest, MonitoringSpec, StepSpec, TrainingSpec
from quarterdeck.core.manifest_alerts import read_alerts
from quarterdeck.core.manifest_gates import read_evaluation, read_gates
from quarterdeck.core.manifest_monitoring import read_drift, read_quality
from quarterdeck.core.manifest_review import read_review
from quarterdeck.core.manifest_rollout import read_rollout
from quarterdeck.core.manifest_triggers import read_triggers
from quarterdeck.core.metrics.families import every_name
from quarterdeck.core.toml_lines import TomlDocument, read_toml
from quarterdeck.core.toml_table import Problems, Table, expected_names, is_name, shown
from quarterdeck.core.values import Task

FILE_NAME = "pipeline.toml"
PIPELINE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
RESERVED_PARAMETERS = ("pipeline", "report")  # filled by the runner, so no step can have these names

# Every key that a table may have; the documentation is tested against these.
SECTIONS = (
    "pipeline", "steps", "gates", "evaluation", "triggers", "alerts", "monitoring", "rollout", "training", "review",
)  # fmt: skip
PIPELINE_KEYS = ("name", "description", "owner", "task", "target", "entity", "time")
STEP_KEYS = ("uses", "with", "inputs", "retries", "timeout")
MONITORING_KEYS = ("window", "minimum_rows", "drift", "quality")
TRAINING_KEYS = ("seed",)

_USES = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*|[A-Za-z][\w-]*", re.ASCII)


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file `pipelines/<name>/pipeline.toml`; ManifestError with all that is wrong in it."""
    path = path.absolute()
    folder = path.parent
    return check_manifest(read_toml(path, name=f"{folder.parent.name}/{folder.name}/{path.name}"), folder)


def check_manifest(document: TomlDocument, folder: Path) -> Manifest:
    """The manifest in a document that is already read."""
    problems = Problems(document)
    root = Table(problems, (), document.data)
    root.only(SECTIONS)
    root.require("pipeline", "steps")
    about = root.table("pipeline")
    about.only(PIPELINE_KEYS)
    if "pipeline" in root:
        about.require("name", "task", "target")
    task, gates = about.choice("task", Task.BINARY), read_gates(root)
    manifest = Manifest(
        name=_pipeline_name(about, folder),
        description=about.text("description", "", check=lambda text: True),
        owner=about.text("owner", None),
        task=task,
        target=about.text("target", ""),
        entity=about.text("entity", None),
        time=about.text("time", None),
        steps=_steps(root),
        gates=gates,
        evaluation=read_evaluation(root.table("evaluation")),
        triggers=read_triggers(root),
        alerts=read_alerts(root),
        monitoring=_monitoring(root.table("monitoring")),
        rollout=read_rollout(root.table("rollout"), _compared(task, gates)),
        training=_training(root.table("training")),
        review=read_review(root, task),
        folder=folder,
    )
    _distinct_columns(about)
    problems.refuse()
    return manifest


def _compared(task: Task, gates: Sequence[GateSpec]) -> tuple[str, ...]:
    """The names of the metrics and KPIs that a comparison on live rows has."""
    asked = [gate.metric for gate in gates if gate.metric not in SERVED]
    return tuple(dict.fromkeys((*every_name(task), *asked)))


def _pipeline_name(about: Table, folder: Path) -> str:
    expected = "a small letter, then up to 59 small letters, digits, - or _"
    name = about.text("name", "", expected=expected, check=lambda text: PIPELINE_NAME.fullmatch(text) is not None)
    if name and name != folder.name:
        about.wrong("name", f'is "{name}"; expected the name of its folder, "{folder.name}"')
    return name


def _distinct_columns(about: Table) -> None:
    roles: dict[object, str] = {}
    for role in ("target", "entity", "time"):
        column = about.values.get(role)
        if isinstance(column, str) and column in roles:
            about.wrong(role, f'is "{column}", which is already the {roles[column]}; expected another column')
        elif isinstance(column, str):
            roles[column] = role


def _steps(root: Table) -> tuple[StepSpec, ...]:
    section = root.table("steps")
    if "steps" in root and not section.values and isinstance(root.values["steps"], dict):
        root.wrong("steps", "has no step; expected tables such as [steps.features]")
    return tuple(_step(name, section) for name in section.values)


def _step(name: str, section: Table) -> StepSpec:
    table = section.table(name)
    if not is_name(name) or name in RESERVED_PARAMETERS:
        expected = "letters, digits and _, as a Python parameter is named"
        section.wrong(name, f"cannot name a step; expected {expected}, and none of {', '.join(RESERVED_PARAMETERS)}")
    table.only(STEP_KEYS)
    settings = table.table("with")
    _json_only(settings)
    inputs = table.table("inputs")
    for parameter, source in inputs.values.items():
        if not isinstance(source, str) or source not in section.values:
            inputs.wrong(
                parameter,
                f"is {shown(source)}, which is not a step; {expected_names(source, section.values)}",
            )
    return StepSpec(
        name=name,
        uses=table.text(
            "uses",
            f"steps:{name}",
            expected='a component\'s name, or "module:function"',
            check=lambda text: _USES.fullmatch(text) is not None,
        ),
        settings=dict(settings.values),
        inputs=dict(inputs.values),
        retries=table.integer("retries", 0, minimum=0, maximum=100),
        timeout=table.duration("timeout", None),
        where=table.where,
    )


def _json_only(settings: Table) -> None:
    """Settings are part of cache keys and run records, which are JSON: no dates, no infinity, no NaN."""
    for key, value in settings.values.items():
        odd = _not_json(value)
        if odd is not None:
            settings.wrong(key, f"holds {shown(odd)}; expected text, numbers, true, false, lists and tables of them")


def _not_json(value: Any) -> object | None:
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return next((odd for odd in map(_not_json, items) if odd is not None), None)
    fits = math.isfinite(value) if isinstance(value, float) else isinstance(value, str | int)
    return None if fits else value


def _monitoring(table: Table) -> MonitoringSpec:
    table.only(MONITORING_KEYS)
    default = MonitoringSpec()
    return MonitoringSpec(
        window=table.duration("window", default.window),
        minimum_rows=table.integer("minimum_rows", default.minimum_rows, minimum=1),
        drift=read_drift(table.table("drift")),
        quality=read_quality(table.table("quality")),
    )


def _training(table: Table) -> TrainingSpec:
    table.only(TRAINING_KEYS)
    # scikit-learn takes seeds of 32 bits
    return TrainingSpec(seed=table.integer("seed", 0, minimum=0, maximum=2**32 - 1))
