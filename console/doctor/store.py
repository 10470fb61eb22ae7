"""What the workspace keeps: the databases' schema and pages, the ledger's chain, the artifacts."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from quarterdeck.console.doctor.finding import Finding, Health, fail, ok, warn
from quarterdeck.console.doctor.rows import rows
from quarterdeck.console.formats import counted
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.settings import Settings
from quarterdeck.core.values import Alias
from quarterdeck.store import auditing, registry
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import HEAD, revision
from quarterdeck.store.workspace import Workspace

_RESTORE = "stop the daemon and restore a backup of .quarterdeck"


def store(workspace: Workspace, settings: Settings) -> Iterator[Finding]:
    """Every check of what is kept. Nothing is made or upgraded by looking."""
    if settings.database_url is None and not workspace.database.exists():
        yield ok("database", "not there yet: it is made at the first use")
        return
    database = Database(settings.database_url) if settings.database_url else Database.sqlite(workspace.database)
    with database:
        try:
            if database.read_only:
                yield _read_only(database)
            found = revision(database)
            yield _schema(found)
            if database.is_sqlite:
                yield _pages(database, "database")
            if found == HEAD:
                damaged = list(rows(database))
                yield from damaged
                if any(finding.health is Health.FAIL for finding in damaged):
                    return
                yield _ledger(database)
                yield from _artifacts(database, workspace, settings)
        except QuarterdeckError as error:
            yield fail("database", str(error), error.hint or _RESTORE)
    yield from _traffic(workspace)


def _read_only(database: Database) -> Finding:
    try:
        database.refuse_read_only()
    except QuarterdeckError as error:
        return warn("database", error.message, error.hint or "see its owner and mode")
    return ok("database", "it can be written")


def _schema(found: str | None) -> Finding:
    if found == HEAD:
        return ok("schema", f"revision {found}")
    if found is None:
        return warn("schema", "the database is empty", "any command makes its tables")
    if found > HEAD:
        return fail("schema", f"revision {found}, newer than {HEAD}", "upgrade Quarterdeck")
    return warn("schema", f"revision {found}, older than {HEAD}", "the next command upgrades it, with a backup first")


def _pages(database: Database, name: str) -> Finding:
    with database.read() as tx:
        said = [row[0] for row in tx.execute(text("PRAGMA integrity_check"))]
    if said == ["ok"]:
        return ok(name, "every page is sound")
    return fail(name, "; ".join(said[:3]), _RESTORE)


def _traffic(workspace: Workspace) -> Iterator[Finding]:
    if not workspace.traffic_database.exists():
        return
    with Database.sqlite(workspace.traffic_database) as database:
        try:
            yield _pages(database, "traffic")
        except QuarterdeckError as error:
            yield fail("traffic", str(error), error.hint or _RESTORE)


def _ledger(database: Database) -> Finding:
    with database.read() as tx:
        count, problems = auditing.verify(tx)
    if problems:
        first = f"{counted(len(problems), 'problem')}, the first at entry {problems[0].seq}: {problems[0].message}"
        return fail("ledger", first, "`quarterdeck audit verify` lists them; compare with a backup")
    return ok("ledger", f"{counted(count, 'entry', 'entries')}, every hash holds")


def _artifacts(database: Database, workspace: Workspace, settings: Settings) -> Iterator[Finding]:
    """The artifacts of what is live or may be rolled back to, hashed again."""
    artifacts = ArtifactStore(settings.artifacts_url or workspace.artifacts)
    with database.read() as tx:
        live = [
            registry.get(tx, model, number)
            for model in registry.models(tx)
            for alias, number in sorted(registry.aliases(tx, model, settings.environment).items())
            if alias in tuple(Alias)
        ]
    bad = 0
    for version in live:
        for sha256 in (version.artifact, version.onnx, version.profile):
            try:
                if sha256 is not None:
                    artifacts.get(sha256)
            except QuarterdeckError as error:
                bad += 1
                do = "promote another version, restore the artifact from a backup, or train again"
                yield fail("artifacts", f"{version.reference}: {error.message}", do)
    if not bad:
        yield ok("artifacts", f"those of {counted(len(live), 'live version')} hold their hashes")
