"""One run, from its manifest to its version: what a worker does once it has claimed it."""

from __future__ import annotations

import hashlib
import logging
import platform
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import Manifest, manifest_digest
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.pipeline.frames import HOLDOUT, TRAIN
from quarterdeck.core.pipeline.graph import Graph, build_graph
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.kpis import load_kpis
from quarterdeck.core.pipeline.loading import load_functions
from quarterdeck.core.pipeline.runner import run_graph
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Alias
from quarterdeck.scheduler.delivery import deliver
from quarterdeck.scheduler.manifests import sync
from quarterdeck.scheduler.recording import Recording
from quarterdeck.scheduler.results import Results
from quarterdeck.scheduler.state import State
from quarterdeck.store import git, registry, runs, steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.workspace import load_manifest

log = logging.getLogger(__name__)

PACKAGES = ("numpy", "polars", "quarterdeck", "scikit-learn", "scipy", "skl2onnx")


def execute(state: State, run: Run) -> int | None:
    """Run the steps, and register what they made; gives the version's number, or None if they made no model."""
    manifest = load_manifest(state.workspace, run.pipeline)
    functions = load_functions(manifest)
    graph = build_graph(manifest.steps, functions)
    load_kpis(manifest)  # a wrong name is better said before an hour of training than after
    artifacts = ArtifactStore(state.settings.artifacts_url or state.workspace.artifacts)
    results = Results(state.database, artifacts)
    done = _plan(state, run, manifest, graph)
    outcome = run_graph(
        graph,
        functions,
        info=_info(state, manifest),
        recorder=Recording(state.database, run.id, graph, done=len(done)),
        results=results,
        done=done,
    )
    return _deliver(state, run, manifest, graph, results, artifacts, outcome.results)


def _plan(state: State, run: Run, manifest: Manifest, graph: Graph) -> dict[str, str]:
    """Write down what will run and with what; gives what an earlier attempt with the same code has done."""
    provenance = _provenance(state, manifest)
    planned = [(name, graph.steps[name].uses, tuple(graph.inputs[name].values())) for name in graph.order]
    with state.database.write() as tx:
        sync(tx, manifest, utc_now())
        same = run.attempt > 1 and run.provenance == provenance
        done = {name: sha for name, sha in steps.done(tx, run.id).items() if same and name in graph.order}
        steps.plan(tx, run.id, planned, keep=done)
        runs.set_provenance(tx, run.id, provenance)
    return done


def _deliver(
    state: State,
    run: Run,
    manifest: Manifest,
    graph: Graph,
    results: Results,
    artifacts: ArtifactStore,
    made: dict[str, str],
) -> int | None:
    evaluation = next((step for step in manifest.steps if step.uses == "evaluate"), None)
    if evaluation is None:
        return None
    inputs = graph.inputs[evaluation.name]
    model, split = results.load(made[inputs["model"]]), results.load(made[inputs["split"]])
    assert isinstance(model, FittedModel)
    train, holdout = split[TRAIN], split[HOLDOUT]
    assert isinstance(train, pl.DataFrame) and isinstance(holdout, pl.DataFrame)
    log.info("gates: %s rows held out", holdout.height)
    version = deliver(
        state,
        artifacts,
        run,
        manifest,
        model=model,
        model_sha=made[inputs["model"]],
        train=train,
        holdout=holdout,
        champion=_champion(state, manifest.name, results),
        now=utc_now(),
    )
    for result in version.verdicts:
        log.info("gate %s: %s, %s", result.outcome, result.gate, result.reason)
    log.info("%s is %s, served by %s: %s", version.reference, version.state, version.engine, version.engine_reason)
    return version.number


def _champion(state: State, model: str, results: Results) -> FittedModel | None:
    """The champion's model, to be asked about the same rows. One that cannot be loaded fails the run."""
    with state.database.read() as tx:
        number = registry.aliases(tx, model, state.environment).get(Alias.CHAMPION)
        version = None if number is None else registry.get(tx, model, number)
    if version is None:
        return None
    try:
        loaded = results.load(version.artifact)
    except QuarterdeckError as error:
        log.error("champion %s cannot be loaded, so nothing can be compared with it: %s", version.reference, error)
        raise
    assert isinstance(loaded, FittedModel)
    return loaded


def _info(state: State, manifest: Manifest) -> PipelineInfo:
    return PipelineInfo(
        name=manifest.name,
        task=manifest.task,
        target=manifest.target,
        entity=manifest.entity,
        time=manifest.time,
        seed=manifest.training.seed,
        workspace=state.workspace.root,
    )


def _provenance(state: State, manifest: Manifest) -> dict[str, Any]:
    """What it takes to make the same model again."""
    commit = git.head(state.workspace.root)
    return {
        "commit": None if commit is None else commit.sha,
        "dirty": None if commit is None else commit.dirty,
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "manifest": manifest_digest(manifest),
        "code": _code_hash(manifest.folder),
        "seed": manifest.training.seed,
    }


def _code_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of a pipeline's Python files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
