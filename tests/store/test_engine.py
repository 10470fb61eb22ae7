"""Transactions on a real file: all or nothing, waiting writers, and errors that say what to do."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import text

from quarterdeck.core.errors import UnavailableError
from quarterdeck.store.engine import ChangeWatch, Database

WRITERS, WRITES = 8, 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "test.db"
    with Database.sqlite(path) as database, database.write() as tx:
        tx.execute(text("CREATE TABLE number (value INTEGER NOT NULL)"))
        tx.execute(text("INSERT INTO number VALUES (0)"))
    return path


def value(database: Database) -> int:
    with database.read() as tx:
        return int(tx.execute(text("SELECT value FROM number")).scalar_one())


def count_up(path: Path) -> None:
    """Read, add one, write: lost if two writers are let in at once."""
    with Database.sqlite(path) as database:
        for _ in range(WRITES):
            with database.write() as tx:
                now = tx.execute(text("SELECT value FROM number")).scalar_one()
                tx.execute(text("UPDATE number SET value = :value"), {"value": now + 1})


def test_eight_processes_writing_at_once_lose_nothing_and_never_fail(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count_up, args=(path,)) for _ in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WRITERS
    with Database.sqlite(path) as database:
        assert value(database) == WRITERS * WRITES


def test_an_error_inside_a_transaction_undoes_all_of_it(path: Path) -> None:
    with Database.sqlite(path) as database:
        with pytest.raises(RuntimeError), database.write() as tx:
            tx.execute(text("UPDATE number SET value = 7"))
            raise RuntimeError
        assert value(database) == 0


def test_a_reader_sees_one_state_while_a_writer_commits(path: Path) -> None:
    with Database.sqlite(path) as database, database.read() as reader:
        before = reader.execute(text("SELECT value FROM number")).scalar_one()
        with database.write() as tx:
            tx.execute(text("UPDATE number SET value = 5"))
        assert reader.execute(text("SELECT value FROM number")).scalar_one() == before == 0


def test_a_watch_tells_once_of_each_commit_and_not_of_reads(path: Path) -> None:
    watch = ChangeWatch(path)
    with Database.sqlite(path) as database:
        assert watch.changed()
        value(database)
        assert not watch.changed()
        with database.write() as tx:
            tx.execute(text("UPDATE number SET value = 1"))
        assert watch.changed()
        assert not watch.changed()
    watch.close()


def test_a_file_that_is_no_database_says_so_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is not a database, it is a sentence that is long enough to be read as one\n" * 20)
    with (
        Database.sqlite(path) as database,
        pytest.raises(UnavailableError, match="restore the last backup") as caught,
    ):
        value(database)
    assert caught.value.where == str(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        Database.sqlite(tmp_path / "no" / "test.db") as database,
        pytest.raises(UnavailableError, match="unable to open"),
    ):
        value(database)


def test_a_full_database_is_unavailable_and_keeps_what_it_had(path: Path) -> None:
    with Database.sqlite(path) as database, pytest.raises(UnavailableError, match="full"), database.write() as tx:
        tx.execute(text("PRAGMA max_page_count = 1"))  # clamped to what is used: no page more
        tx.execute(text("UPDATE number SET value = 9"))
        tx.execute(text("CREATE TABLE big (blob BLOB)"))
        tx.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))
    with Database.sqlite(path) as database:
        assert value(database) == 0


def test_a_file_that_was_there_and_is_gone_is_not_made_anew_by_another_connection(tmp_path: Path) -> None:
    path = tmp_path / "a b.db"
    with Database.sqlite(path) as database:
        with database.write() as tx:
            tx.execute(text("CREATE TABLE a (b)"))
        database.close()
        path.rename(tmp_path / "away")
        with pytest.raises(UnavailableError, match="unable to open"), database.read():
            pass
        assert not path.exists()
        (tmp_path / "away").rename(path)
        with database.write() as tx:
            tx.execute(text("INSERT INTO a VALUES (1)"))
