"""A workspace with 10,000 runs and 100,000 versions, and a writer that commits while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, RunStatus, Task, VersionState
from quarterdeck.scheduler.manifests import sync
from quarterdeck.store import registry, runs, steps
from quarterdeck.store.rows import table
from quarterdeck.store.tables import RunRow, VersionRow
from quarterdeck.store.workspace import Workspace, create_workspace

CHUNK = 1_000


def filled(root: Path, *, run_count: int, versions: int) -> Workspace:
    """Of the sample's two pipelines; the rows are written at once, for what is measured is looking at them."""
    workspace = create_workspace(root)
    now = utc_now()
    with Console.open(workspace.root) as console, console.database.write() as tx:
        for name in ("flights", "fuel"):
            sync(tx, read_manifest(workspace.root / "pipelines" / name / "pipeline.toml"), now)
        first = runs.request(tx, "flights", by="bench", cause={"kind": "manual"}, now=now)
        _copies(tx, table(RunRow), {"id": first.id}, "id", run_count, lambda n: _run(n, now))
        steps.record_artifact(tx, "a" * 64, kind="model", size=1, now=now)
        registry.register(tx, _draft(now), Audit(actor="bench", environment="production", at=now, reason="bench"))
        found = {"model": "flights", "number": 1}
        _copies(tx, table(VersionRow), found, "number", versions, lambda n: {"created": now - timedelta(seconds=n)})
    return workspace


def _copies(tx: Any, rows: Any, key: dict[str, Any], name: str, count: int, differs: Any) -> None:
    where = [rows.c[column] == value for column, value in key.items()]
    (first,) = tx.execute(rows.select().where(*where)).mappings()
    start = first[name]
    for begin in range(start + 1, start + count, CHUNK):
        numbers = range(begin, min(begin + CHUNK, start + count))
        tx.execute(insert(rows), [dict(first) | {name: n} | differs(n) for n in numbers])


def _run(number: int, now: Any) -> dict[str, Any]:
    statuses = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)
    at = now - timedelta(minutes=20_000 - number)
    return {"status": statuses[number % 3].value, "requested_at": at, "started_at": at, "finished_at": at}


def _draft(now: Any) -> Version:
    fields = tuple(Field(name=name, kind=FieldKind.NUMBER) for name in ("distance", "wind"))
    return Version(
        model="flights", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact="a" * 64, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None,
        signature=Signature(fields=fields, task=Task.BINARY, target="late", classes=(0, 1)),
        metrics={"roc_auc_score": 0.75}, verdicts=(), profile=None, trained_from=None, trained_to=None, rows=20_000,
        size_bytes=100_000,
    )  # fmt: skip


@contextmanager
def writing(workspace: Workspace, per_second: float) -> Iterator[None]:
    """Commits so often: the last run's message changes each time."""
    stopped = threading.Event()

    def write() -> None:
        with Console.open(workspace.root) as console:
            number = 0
            while not stopped.wait(1 / per_second):
                number += 1
                rows = table(RunRow)
                with console.database.write() as tx:
                    tx.execute(update(rows).where(rows.c.id == 1).values(message=f"iteration {number}"))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def one_row_changes(workspace: Workspace) -> None:
    """What a tick of a busy screen brings: the newest run's progress, in one cell."""
    rows = table(RunRow)
    with Console.open(workspace.root) as console, console.database.write() as tx:
        last = runs.page(tx, limit=1)[0]
        tx.execute(update(rows).where(rows.c.id == last.id).values(progress=time.time() % 1))
