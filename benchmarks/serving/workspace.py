"""A workspace with the two models as champions, trained, gated and registered as a user's are."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler import foreground
from quarterdeck.store.workspace import create_workspace

_MANIFEST = """
[pipeline]
name = "{name}"
task = "binary"
target = "target"
[steps.features]
[steps.split]
uses = "split_random"
[steps.model]
uses = "fit"
with = {{ estimator = "{estimator}", parameters = {parameters} }}
[steps.evaluation]
uses = "evaluate"
"""
_STEPS = """
import polars as pl
from sklearn.datasets import load_breast_cancer


def features() -> pl.DataFrame:
    data = load_breast_cancer()
    return pl.DataFrame(data.data, schema=list(map(str, data.feature_names))).with_columns(target=data.target)
"""
_ESTIMATORS = {
    "logistic": ("sklearn.linear_model.LogisticRegression", "{ max_iter = 1000 }"),
    "forest": ("sklearn.ensemble.RandomForestClassifier", "{ n_estimators = 100, random_state = 0 }"),
}
_DATA = load_breast_cancer()
ROW = {str(name): float(value) for name, value in zip(_DATA.feature_names, _DATA.data[0], strict=True)}


def two_champions(folder: Path) -> Path:
    """The workspace, with each model's first version promoted."""
    workspace = create_workspace(folder, data=False)
    workspace.settings_file.write_text("[server]\nprocesses = 1\n")  # the peers have one core too
    for name, (estimator, parameters) in _ESTIMATORS.items():
        place = workspace.pipelines_folder / name
        place.mkdir()
        (place / "pipeline.toml").write_text(_MANIFEST.format(name=name, estimator=estimator, parameters=parameters))
        (place / "steps.py").write_text(_STEPS)
    with Console.open(workspace.root) as console:
        for name in _ESTIMATORS:
            run = foreground.run_pipeline(workspace, console.database, name, by="bench", on_change=lambda *_: None)
            assert run.status is RunStatus.SUCCEEDED, run.error
            acts.promote(console, f"{name}@1", reason="a benchmark")
    return workspace.root
