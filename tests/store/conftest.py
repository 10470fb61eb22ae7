"""A real SQLite database for each test, and what most tests need in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, Task, VersionState
from quarterdeck.store import pipelines, registry, runs, steps
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.sqlite(tmp_path / "quarterdeck.db") as database:
        migrate(database, backup_to=tmp_path / "backups", now=NOW)
        with database.write() as tx:
            pipeline = pipelines.Pipeline(
                name="flights", task=Task.BINARY, description="", owner="ops", digest="d", synced_at=NOW
            )
            pipelines.put(tx, pipeline)
            steps.record_artifact(tx, "a" * 64, kind="model", size=1, now=NOW)
        yield database


SIGNATURE = Signature(
    fields=(Field(name="hour", kind=FieldKind.INTEGER, minimum=0, maximum=23),),
    task=Task.BINARY,
    target="late",
    entity="flight_id",
    time="scheduled",
    classes=(0, 1),
)


def draft(run_id: int | None) -> Version:
    return Version(
        model="flights",
        number=0,
        state=VersionState.ACCEPTED,
        run_id=run_id,
        created=NOW,
        artifact="a" * 64,
        onnx=None,
        engine=Engine.SKLEARN,
        engine_reason="not converted",
        max_difference=None,
        signature=SIGNATURE,
        metrics={"roc_auc_score": 0.75},
        verdicts=(),
        profile=None,
        trained_from=None,
        trained_to=None,
        rows=100,
        size_bytes=1,
    )


@pytest.fixture
def register(database: Database) -> Callable[..., Version]:
    """Register one more version of flights; keywords change the draft."""

    def add(**changes: Any) -> Version:
        with database.write() as tx:
            run = runs.request(tx, "flights", by="ops", cause={}, now=NOW)
            version = replace(draft(run.id), **changes)
            return registry.register(tx, version, Audit(actor="ops", environment="production", at=NOW, reason="a test"))

    return add
