"""The schema: made from nothing, equal to the tables, and never touched when it is newer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import SQLModel

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.values import ServiceKind, Severity
from quarterdeck.store import alerts, notifications, services, tokens, triggers, windows
from quarterdeck.store import migrate as migrations
from quarterdeck.store.clients import read_clients
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import HEAD, migrate, revision

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AT = "2026-03-01 00:00:00.000000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quarterdeck.db"


def test_migrations_make_exactly_the_tables_that_the_code_describes(path: Path) -> None:
    with Database.sqlite(path) as database:
        assert migrate(database, backup_to=None, now=NOW) is None
        with database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_second_start_finds_nothing_to_do(path: Path) -> None:
    for found in (None, HEAD):
        with Database.sqlite(path) as database:
            assert migrate(database, backup_to=None, now=NOW) == found


def test_an_older_store_is_backed_up_before_it_is_upgraded(path: Path, tmp_path: Path) -> None:
    with Database.sqlite(path) as database:
        with database.write() as tx:
            tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            tx.execute(text("INSERT INTO alembic_version VALUES ('0000')"))
        with pytest.raises(Exception, match="0000"):  # Alembic does not know this revision; the backup comes first
            migrate(database, backup_to=tmp_path / "backups", now=NOW)
    (backup,) = (tmp_path / "backups").iterdir()
    with Database.sqlite(backup) as kept:
        assert revision(kept) == "0000"
    assert backup.stat().st_mode & 0o077 == 0


def test_tokens_and_services_of_before_clients_are_kept_and_ask_nothing(path: Path, tmp_path: Path) -> None:
    with Database.sqlite(path) as database:
        with database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            connection.execute(
                text("INSERT INTO token (name, sha256, created_by, created_at) VALUES ('ci', 'abc', 'ops', :now)"),
                {"now": "2026-03-01 00:00:00.000000"},
            )
            connection.execute(
                text(
                    "INSERT INTO service"
                    " (kind, name, pid, process_started, host, port, started_at, heartbeat_at, detail)"
                    " VALUES ('server', 'main', 1, 2.0, '127.0.0.1', 8780, :now, :now, '{}')"
                ),
                {"now": "2026-03-01 00:00:00.000000"},
            )
        assert migrate(database, backup_to=tmp_path / "backups", now=NOW) == "0002"
        with database.read() as tx:
            token, service = tokens.get(tx, "ci"), services.find(tx, ServiceKind.SERVER)
            client = read_clients(tx, "production")["abc"]
        assert (token.endpoints, token.environment, token.rates, token.old_until) == (None, None, None, None)
        assert (client.name, client.endpoints, client.is_valid(NOW)) == ("ci", frozenset(), False)
        assert service is not None and service.address == "http://127.0.0.1:8780"


def test_alerts_of_before_severities_are_kept_and_told_to_nobody(path: Path, tmp_path: Path) -> None:
    with Database.sqlite(path) as database:
        with database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "0004")
            for state in ("open", "resolved"):
                connection.execute(
                    text(
                        "INSERT INTO alert (model, kind, subject, state, message, opened_at, last_at, count, evidence)"
                        " VALUES ('m', 'drift', :state, :state, 'old', :now, :now, 2, '{}')"
                    ),
                    {"state": state, "now": "2026-03-01 00:00:00.000000"},
                )
        assert migrate(database, backup_to=tmp_path / "backups", now=NOW) == "0004"
        with database.write() as tx:
            resolved, going = alerts.page(tx)
            assert (going.severity, going.flaps, going.told, going.resolved_at) == (Severity.WARNING, 0, False, None)
            assert resolved.resolved_at == NOW
            assert alerts.resolve(tx, model="m", kind="drift", subject="open", now=NOW) is not None
            assert notifications.unplanned(tx, NOW) == []


def test_windows_and_versions_of_before_performance_are_kept_without_any(path: Path, tmp_path: Path) -> None:
    with Database.sqlite(path) as database:
        with database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "0004")
            signature = '{"fields": [], "task": "binary", "target": "late", "classes": [0, 1]}'
            for statement, values in (
                ("INSERT INTO artifact (sha256, kind, size, created_at) VALUES ('a', 'model', 1, ?)", (AT,)),
                (
                    "INSERT INTO version (model, number, state, created, artifact, engine, engine_reason, signature,"
                    " metrics, verdicts, rows, size_bytes)"
                    " VALUES ('flights', 1, 'accepted', ?, 'a', 'scikit-learn', '', ?, '{}', '[]', 1, 1)",
                    (AT, signature),
                ),
                (
                    'INSERT INTO "window" (model, version, start, "end", closed, rows, labelled, drift, metrics,'
                    " updated_at) VALUES ('flights', 1, ?, ?, 1, 90, 80, '[]', ?, ?)",
                    (AT, AT, '{"log_loss": 0.4}', AT),
                ),
            ):
                connection.exec_driver_sql(statement, values)
        assert migrate(database, backup_to=tmp_path / "backups", now=NOW) == "0004"
        with database.read() as tx:
            (window,) = windows.last(tx, "flights")
            assert (window.rows, window.metrics, window.performance) == (90, {"log_loss": 0.4}, [])
            assert tx.execute(text("SELECT performance FROM version")).all() == [(None,)]


def test_a_store_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    with Database.sqlite(path) as database:
        migrate(database, backup_to=None, now=NOW)
        with database.write() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(UnavailableError, match="upgrade Quarterdeck"):
            migrate(database, backup_to=None, now=NOW)
        assert revision(database) == "9999"


def test_triggers_and_firings_of_before_are_kept_and_begin_at_revision_0(path: Path, tmp_path: Path) -> None:
    with Database.sqlite(path) as database:
        with database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "0004")
            now = {"now": "2026-03-01 00:00:00.000000"}
            for statement in (
                "INSERT INTO pipeline VALUES ('flights', 'binary', '', 'ops', 'd', :now)",
                "INSERT INTO trigger (id, pipeline, name, kind, spec, paused, removed, next_fire_at)"
                " VALUES (3, 'flights', 'nightly', 'schedule', '{\"every\": 60.0}', 1, 0, :now)",
                "INSERT INTO firing (trigger_id, pipeline, at, fired, reason, evidence)"
                " VALUES (3, 'flights', :now, 1, 'schedule', '{}')",
            ):
                connection.execute(text(statement), now if ":now" in statement else {})
        assert migrate(database, backup_to=tmp_path / "backups", now=NOW) == "0004"
        with database.write() as tx:
            ((trigger, known),) = triggers.changed_after(tx, -1)
            assert (trigger.id, trigger.paused, trigger.next_fire_at, known) == (3, True, NOW, True)
            assert [firing.reason for firing in triggers.firings(tx)] == ["schedule"]
            triggers.set_paused(tx, 3, False)
            assert triggers.newest_revision(tx) == 1
