"""The light reading of the traffic plan says what the registry says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from quarterdeck.core.ledger import Audit
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Engine, Task, VersionState
from quarterdeck.store import pipelines, promotion, registry
from quarterdeck.store.engine import Database
from quarterdeck.store.plans import NOBODY, PlannedVersion, TrafficPlan, read_plan

Register = Callable[..., Version]
HERE: dict[str, Any] = {"environment": "production", "actor": "ops", "reason": "a test"}


def plan(database: Database, environment: str = "production") -> TrafficPlan:
    with database.read() as tx:
        return read_plan(tx, environment)


def promote(database: Database, number: int, saw: int | None, now: datetime) -> None:
    with database.write() as tx:
        promotion.promote(tx, "flights", number, Audit(at=now, **HERE), saw_champion=saw)


def planned(version: Version) -> PlannedVersion:
    return PlannedVersion(
        model=version.model,
        number=version.number,
        artifact=version.artifact,
        onnx=version.onnx,
        engine=version.engine,
        signature=version.signature,
        profile=version.profile,
    )


def test_the_plan_of_an_empty_registry_is_empty(database: Database) -> None:
    assert plan(database).endpoints == {}


def test_champion_and_challenger_are_what_the_registry_resolves(
    database: Database, register: Register, now: datetime
) -> None:
    register()
    register(onnx="a" * 64, engine=Engine.ONNX)
    register()
    promote(database, 2, None, now)
    with database.write() as tx:
        promotion.challenge(tx, "flights", 3, Audit(at=now, **HERE))
        found = registry.aliases(tx, "flights", "production")
        champion = registry.get(tx, "flights", found[Alias.CHAMPION])
        challenger = registry.get(tx, "flights", found[Alias.CHALLENGER])
    endpoint = plan(database).endpoints["flights"]
    assert endpoint.champion == planned(champion)
    assert endpoint.challenger == planned(challenger)
    assert endpoint.signature == champion.signature


def test_the_digest_is_of_what_the_engine_loads(register: Register, database: Database) -> None:
    with database.write() as tx:
        tx.exec_driver_sql(
            "INSERT INTO artifact (sha256, kind, size, created_at) VALUES (?, 'onnx', 1, '2026-01-01 00:00:00')",
            ("b" * 64,),
        )
    assert planned(register(onnx="b" * 64, engine=Engine.ONNX)).digest == "b" * 64
    assert planned(register(onnx="b" * 64, engine=Engine.SKLEARN)).digest == "a" * 64


def test_the_previous_champion_and_the_newest_good_version_stand_by(
    database: Database, register: Register, now: datetime
) -> None:
    for _ in range(4):
        register()
    register(state=VersionState.REJECTED)
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    endpoint = plan(database).endpoints["flights"]
    assert [version.number for version in endpoint.standby] == [1, 4]


def test_a_version_that_is_live_does_not_stand_by_as_well(
    database: Database, register: Register, now: datetime
) -> None:
    register()
    promote(database, register().number, None, now)
    assert [version.number for version in plan(database).endpoints["flights"].standby] == [1]


def test_a_model_without_a_champion_here_has_an_endpoint_with_its_newest_signature(
    database: Database, register: Register, now: datetime
) -> None:
    promote(database, register().number, None, now)
    newest = register(state=VersionState.REJECTED)
    endpoint = plan(database, "staging").endpoints["flights"]
    assert endpoint.champion is None
    assert endpoint.challenger is None
    assert endpoint.signature == newest.signature


def test_plans_are_equal_until_traffic_changes(database: Database, register: Register, now: datetime) -> None:
    register()
    register()
    promote(database, 1, None, now)
    before = plan(database)
    assert plan(database) == before
    promote(database, 2, 1, now)
    assert plan(database) != before


def challenged(database: Database, register: Register, now: datetime) -> None:
    promote(database, register().number, None, now)
    number = register().number
    with database.write() as tx:
        promotion.challenge(tx, "flights", number, Audit(at=now, **HERE))


def split(database: Database, weight: float, now: datetime, *, shadow: bool = True) -> None:
    with database.write() as tx:
        promotion.split(tx, "flights", Audit(at=now, **HERE), version=2, weight=weight, shadow=shadow)


def shares(database: Database, environment: str = "production") -> tuple[float, bool]:
    endpoint = plan(database, environment).endpoints["flights"]
    return endpoint.weight, endpoint.shadow


def test_a_challenger_without_a_split_answers_in_shadow_alone(
    database: Database, register: Register, now: datetime
) -> None:
    challenged(database, register, now)
    assert shares(database) == (0.0, True)


def test_the_split_is_the_challengers_share_here_and_ends_with_its_part(
    database: Database, register: Register, now: datetime
) -> None:
    challenged(database, register, now)
    before = plan(database)
    split(database, 12.5, now, shadow=False)
    assert shares(database) == (12.5, False)
    assert shares(database, "staging") == (0.0, True)
    assert plan(database) != before
    promote(database, 2, 1, now)
    assert shares(database) == (0.0, True)


def test_the_plan_says_how_wide_windows_are_or_that_nobody_watches(
    database: Database, register: Register, now: datetime
) -> None:
    register()
    assert plan(database).endpoints["flights"].window is None  # of a release before: not synced since
    about = pipelines.Pipeline(
        name="flights", task=Task.BINARY, description="", owner="ops", digest="d", synced_at=now,
        window=timedelta(hours=1),
    )  # fmt: skip
    with database.write() as tx:
        assert pipelines.put(tx, about)  # though its digest is the same
        assert not pipelines.put(tx, about)
        assert pipelines.every(tx)[0].window == timedelta(hours=1)
        registry.register(tx, replace(registry.get(tx, "flights", 1), model="imported"), Audit(at=now, **HERE))
    found = plan(database).endpoints
    assert (found["flights"].window, found["imported"].window) == (3_600_000_000, NOBODY)
