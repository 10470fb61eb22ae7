"""Where an accepted version goes, by its manifest's [rollout]: the version's registration and its rollout are one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from sklearn.linear_model import Ridge
from sqlalchemy import text

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.manifest import Manifest, Promotion, RolloutSpec, Strategy
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.performance.reference import Reference
from quarterdeck.core.rollout import RolloutState
from quarterdeck.core.service_spec import ServiceSpec
from quarterdeck.core.values import Alias, Task
from quarterdeck.scheduler.delivery import deliver
from quarterdeck.scheduler.manifests import sync
from quarterdeck.scheduler.state import State
from quarterdeck.store import auditing, ledger, registry, rollouts, runs, splits, steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.expected import load_expected

CHAMPION, CHALLENGER, PREVIOUS = Alias.CHAMPION, Alias.CHALLENGER, Alias.PREVIOUS
AUTO = RolloutSpec(promote=Promotion.AUTO)
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=99),),
    task=Task.REGRESSION,
    target="y",
    entity="id",
    time="at",
)
Train = Callable[[RolloutSpec], dict[Alias, int]]


def rows() -> pl.DataFrame:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return pl.DataFrame({
        "id": [f"r{number}" for number in range(200)],
        "at": [start + timedelta(hours=number) for number in range(200)],
        "x": [float(number % 100) for number in range(200)],
        "y": [2.0 * (number % 100) + number % 3 for number in range(200)],
    })  # fmt: skip


@pytest.fixture
def train(state: State, now: datetime) -> Train:
    """Deliver one more model, another than before, under a manifest's [rollout]; who bears which name then."""
    frame, artifacts = rows(), ArtifactStore(state.workspace.artifacts)
    made = 0

    def one_more(spec: RolloutSpec) -> dict[Alias, int]:
        nonlocal made
        made += 1
        manifest = Manifest(
            name="tiny", task=Task.REGRESSION, target="y", entity="id", time="at", steps=(),
            folder=state.workspace.root, rollout=spec,
        )  # fmt: skip
        model = FittedModel(
            estimator=Ridge(alpha=made).fit(frame.select("x"), frame["y"]), signature=SIGNATURE,
            reference=frame.head(50).select("x"), trained_from=None, trained_to=None, rows=150,
        )  # fmt: skip
        kept = artifacts.put(f"model {made}".encode())
        with state.database.write() as tx:
            sync(tx, manifest, now)
            steps.record_artifact(tx, kept.sha256, kind="model", size=kept.size, now=now)
            run = runs.request(tx, "tiny", by="ops", cause={}, now=now)
        deliver(
            state, artifacts, run, manifest, model=model, model_sha=kept.sha256, train=frame.head(150),
            holdout=frame.tail(50), champion=None, now=now,
        )  # fmt: skip
        with state.database.read() as tx:
            assert auditing.verify(tx)[1] == []
            return registry.aliases(tx, "tiny", "production")

    return one_more


def test_without_automatic_promotion_the_first_version_waits_for_a_person(state: State, train: Train) -> None:
    assert train(replace(AUTO, promote=Promotion.MANUAL, strategy=Strategy.CANARY)) == {}
    with state.database.read() as tx:
        assert rollouts.page(tx, "production") == []


@pytest.mark.parametrize("strategy", Strategy)
def test_the_first_champion_is_promoted_at_once_by_any_strategy(train: Train, strategy: Strategy) -> None:
    assert train(replace(AUTO, strategy=strategy)) == {CHAMPION: 1}


def test_a_version_keeps_rows_with_the_answers_of_the_engine_that_trained_it(state: State, train: Train) -> None:
    train(AUTO)
    artifacts = ArtifactStore(state.workspace.artifacts)
    with state.database.read() as tx:
        version = registry.get(tx, "tiny", 1)
        kinds = {sha256: kind for sha256, kind in tx.execute(text("SELECT sha256, kind FROM artifact"))}
    assert version.expected is not None
    assert version.performance is not None
    assert kinds[version.performance] == "performance"
    reference = Reference.from_bytes(artifacts.get(version.performance))
    assert reference.rows == 50
    assert reference.silent == "no estimate: 50 held-out rows are too few to learn from, 100 are needed"
    assert reference.metrics["mean_absolute_error"].value == pytest.approx(version.metrics["mean_absolute_error"])
    assert kinds[version.expected] == "expected"
    expected = load_expected(artifacts, version)
    frame = rows()
    model = Ridge(alpha=1).fit(frame.select("x"), frame["y"])
    asked = pl.DataFrame(list(expected.rows), schema={"x": pl.Float64})
    assert [answer["value"] for answer in expected.answers] == pytest.approx(model.predict(asked).tolist())
    assert asked["x"].max() == 198.0  # the edges are among them


def test_a_version_of_before_says_how_its_rows_are_made(state: State, train: Train) -> None:
    train(AUTO)
    with state.database.read() as tx:
        version = replace(registry.get(tx, "tiny", 1), expected=None)
    with pytest.raises(NotFoundError, match="quarterdeck service expect tiny@1"):
        load_expected(ArtifactStore(state.workspace.artifacts), version)


def test_a_first_champion_waits_for_the_approvals_that_it_needs(state: State, train: Train) -> None:
    assert train(replace(AUTO, strategy=Strategy.CANARY, approvals=1)) == {}
    with state.database.read() as tx:
        rollout = rollouts.page(tx, "production")[0]
    assert (rollout.state, rollout.spec.strategy) == (RolloutState.WAITING, Strategy.DIRECT)


def test_a_direct_rollout_replaces_the_champion_without_a_daemon(state: State, train: Train) -> None:
    train(AUTO)
    assert train(AUTO) == {CHAMPION: 2, PREVIOUS: 1}
    with state.database.read() as tx:
        assert rollouts.page(tx, "production")[0].state is RolloutState.PROMOTED
        entry = ledger.entries(tx, act="promote", limit=1)[0]
    assert (entry.actor, entry.reason) == ("ops", "accepted by its gates; direct rollout")


@pytest.mark.parametrize(
    ("strategy", "share"), [(Strategy.SHADOW, None), (Strategy.CANARY, (5.0, False)), (Strategy.AB, (50.0, False))]
)
def test_the_next_version_begins_its_rollout_beside_the_champion(
    state: State, train: Train, strategy: Strategy, share: tuple[float, bool] | None
) -> None:
    train(AUTO)
    assert train(replace(AUTO, strategy=strategy)) == {CHAMPION: 1, CHALLENGER: 2}
    with state.database.read() as tx:
        rollout = rollouts.open_of(tx, "production", "tiny")
        found = splits.find(tx, "production", "tiny")
    assert rollout is not None and (rollout.version, rollout.state) == (2, RolloutState.RUNNING)
    assert (None if found is None else (found.weight, found.shadow)) == share


def test_a_newer_version_takes_the_place_of_the_one_on_its_way(state: State, train: Train) -> None:
    train(AUTO)
    train(replace(AUTO, strategy=Strategy.CANARY))
    assert train(replace(AUTO, strategy=Strategy.SHADOW)) == {CHAMPION: 1, CHALLENGER: 3}
    with state.database.read() as tx:
        assert [item.state for item in rollouts.page(tx, "production")] == [RolloutState.RUNNING, RolloutState.ABORTED]
        assert splits.find(tx, "production", "tiny") is None


CHECKED = replace(AUTO, service=ServiceSpec())


@pytest.mark.parametrize("strategy", Strategy)
def test_the_first_version_is_checked_on_the_server_before_it_is_promoted(
    state: State, train: Train, strategy: Strategy
) -> None:
    assert train(replace(CHECKED, strategy=strategy)) == {CHALLENGER: 1}
    with state.database.read() as tx:
        rollout = rollouts.page(tx, "production")[0]
        split = splits.find(tx, "production", "tiny")
    assert [str(step) for step in rollout.steps] == ["service", "promote"]
    assert split is not None and (split.weight, split.shadow) == (0.0, False)


def test_a_version_that_a_person_promotes_is_checked_on_the_server_first(state: State, train: Train) -> None:
    train(AUTO)
    assert train(replace(CHECKED, promote=Promotion.MANUAL)) == {CHAMPION: 1, CHALLENGER: 2}
    with state.database.read() as tx:
        assert rollouts.page(tx, "production")[0].state is RolloutState.RUNNING
