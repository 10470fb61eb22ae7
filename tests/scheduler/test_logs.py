"""Logs: in UTC, as text or JSON, without secrets, and never larger than the settings allow."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.console.cli.logfile import print_log
from quarterdeck.core.settings import Settings
from quarterdeck.scheduler.logs import MB, JsonFormatter, TextFormatter, rotate_others, without_secrets

PROGRAM = """
import logging, os, sys
from dataclasses import replace
from pathlib import Path
from quarterdeck.core.settings import LogFormat, Settings
from quarterdeck.scheduler import logs
logs.MB = 2_000  # a log is full after some lines
logs.log_daemon(Path(sys.argv[1]), Settings(log_mb=1, log_keep=3, log_format=LogFormat(sys.argv[2])))
for number in range(150):
    logging.getLogger("quarterdeck.test").info("line %s of postgresql://me:hunter2@db/x", number)
print("printed", file=sys.stderr)
"""


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    made = logging.LogRecord("quarterdeck.a", logging.WARNING, "a.py", 1, message, args, None)
    made.exc_info = None if error is None else (type(error), error, None)
    made.created = 1_795_542_601.25
    return made


def test_a_line_of_text_has_utc_level_and_logger() -> None:
    assert TextFormatter().format(record("%s rows", 3)) == "2026-11-24T17:50:01.250Z WARNING quarterdeck.a 3 rows"


def test_a_line_of_json_is_one_object_with_the_traceback_in_it() -> None:
    line = JsonFormatter().format(record("a\nb", error=ValueError("no")))
    assert "\n" not in line
    found = json.loads(line)
    assert (found["time"], found["level"], found["message"]) == ("2026-11-24T17:50:01.250Z", "WARNING", "a\nb")
    assert found["error"] == "ValueError: no" and found["process"] == os.getpid()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
        ("Authorization: Bearer abcdefgh123", "Authorization: Bearer ***"),
        ("password=hunter2, and more", "password=***, and more"),
        ("api_key: 'abcd1234'", "api_key: '***'"),
        ("aws_secret_access_key = AbCd/123", "aws_secret_access_key = ***"),
        ("the token table has 3 rows", "the token table has 3 rows"),
    ],
)
def test_secrets_are_left_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_what_the_environment_holds_in_secret_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    assert without_secrets("it said hunter2") == "it said ***"


@settings(deadline=None)
@given(
    st.text(alphabet=st.characters(codec="ascii", exclude_characters="/:@ \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"), min_size=1)
)
def test_no_password_of_a_url_is_ever_shown(password: str) -> None:
    assert without_secrets(f"postgresql://me:{password}@db/x") == "postgresql://me:***@db/x"


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize("through", ["stderr", "file"])
def test_the_daemons_log_is_put_aside_in_time_and_nothing_is_lost(tmp_path: Path, kind: str, through: str) -> None:
    path = tmp_path / "logs" / "daemon.log"
    path.parent.mkdir()
    own = path if through == "stderr" else tmp_path / "terminal"
    with own.open("ab") as stderr:
        command = [sys.executable, "-c", PROGRAM, str(path), kind]
        subprocess.run(command, stderr=stderr, stdout=subprocess.DEVNULL, check=True)
    files = [path.with_name(f"daemon.log.{number}") for number in (3, 2, 1)] + [path]
    assert all(file.stat().st_size < 2_200 for file in files)
    text = "".join(file.read_text() for file in files)
    assert "hunter2" not in text and "line 149" in text
    numbers = [int(line.split("line ")[1].split(" ")[0]) for line in text.splitlines() if "line " in line]
    assert numbers == list(range(numbers[0], 150)) and not path.with_name("daemon.log.4").exists()
    assert ("printed" in own.read_text()) and (through == "stderr") == ("printed" in path.read_text())


def test_a_log_that_others_write_to_is_cut_in_place_and_they_go_on(tmp_path: Path) -> None:
    path, settings = tmp_path / "server.log", replace(Settings(), log_mb=1, log_keep=2)
    with path.open("ab", buffering=0) as writer:
        for turn in range(4):
            writer.write(b"x" * (MB + 1) + f"turn {turn}\n".encode())
            assert rotate_others(tmp_path, settings, own="daemon.log") == [path]
            assert path.stat().st_size == 0
        writer.write(b"after\n")
    assert path.read_text() == "after\n"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["server.log", "server.log.1", "server.log.2"]
    assert (tmp_path / "server.log.1").read_text().endswith("turn 3\n")
    assert rotate_others(tmp_path, settings, own="daemon.log") == []


def test_a_log_that_is_followed_is_followed_over_the_moment_it_is_put_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "daemon.log"
    path.with_name("daemon.log.1").write_text("zero\n")
    path.write_text("one\n")
    turns = iter(["append", "rename", "look", "cut", "end"])

    def turn() -> bool:
        match next(turns):
            case "append":
                with path.open("a") as file:
                    file.write("two\n")
            case "rename":
                path.rename(tmp_path / "daemon.log.1")
                path.write_text("three\n")
            case "cut":
                path.write_text("4\n")
            case "end":
                return True
        return False

    print_log(path, tail=50, until=turn, empty="nothing")
    assert capsys.readouterr().out == "zero\none\ntwo\nthree\n4\n"
