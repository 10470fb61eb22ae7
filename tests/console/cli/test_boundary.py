"""Where errors end: three lines on stderr, an exit code, and nothing left open."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.console.cli.boundary import report
from quarterdeck.core import errors
from quarterdeck.core.errors import QuarterdeckError


@pytest.mark.parametrize(
    ("name", "code"),
    [("UsageError", 2), ("RefusedError", 1), ("ManifestError", 1), ("NotFoundError", 3), ("ConflictError", 4),
     ("NotAllowedError", 5), ("IntegrityError", 6), ("UnavailableError", 7)],
)  # fmt: skip
def test_the_exit_code_comes_from_the_class(name: str, code: int, capsys) -> None:
    kind: type[QuarterdeckError] = getattr(errors, name)
    assert report(kind("it broke", where="here", hint="mend it")) == code
    assert capsys.readouterr().err == "error: it broke\nwhere: here\ndo:    mend it\n"


def test_without_a_workspace_the_way_to_make_one_is_named(quarterdeck, tmp_path) -> None:
    said = quarterdeck("model", "list", cwd=tmp_path)
    assert said.code == 3
    assert "quarterdeck init" in said.err


def test_the_workspace_is_named_by_option_or_variable_or_found_upwards(quarterdeck, root, tmp_path) -> None:
    assert quarterdeck("--workspace", str(root), "model", "list", "--json", cwd=tmp_path).json[0]["champion"] == 2
    assert quarterdeck("model", "list", "--json", cwd=root / "pipelines" / "flights").json[0]["champion"] == 2


def test_wrong_words_are_exit_2_with_the_way_to_the_help(quarterdeck) -> None:
    said = quarterdeck("modle", "list")
    assert (said.code, said.out) == (2, "")
    assert "did you mean 'model'?" in said.err
    assert quarterdeck("model", "list", "--jsno").code == 2
    assert "do:    quarterdeck run list --help" in quarterdeck("run", "list", "--status", "odd").err


def test_a_noun_alone_prints_its_commands(quarterdeck) -> None:
    said = quarterdeck("model")
    assert said.code == 2
    assert "promote" in said.out


def test_without_a_command_and_a_terminal_it_prints_the_help(quarterdeck) -> None:
    said = quarterdeck()
    assert said.code == 0
    assert "Commands:" in said.out


def test_a_settings_file_that_is_wrong_is_named_with_its_line(quarterdeck, root) -> None:
    (root / "quarterdeck.toml").write_text("[server]\nprot = 1\n")
    said = quarterdeck("model", "list")
    assert said.code == 1
    assert re.search(r"where: .*quarterdeck\.toml:2", said.err)
    assert "port" in said.err


def test_a_damaged_database_is_unavailable_and_says_what_to_do(quarterdeck, root) -> None:
    for path in (root / ".quarterdeck").glob("quarterdeck.db*"):
        path.unlink()
    (root / ".quarterdeck" / "quarterdeck.db").write_bytes(b"not a database, whatever its name says" * 100)
    said = quarterdeck("model", "list")
    assert said.code == 7
    assert "restore the last backup" in said.err


def test_what_was_not_foreseen_goes_to_the_log_with_exit_70(root) -> None:
    program = (
        "import sys\n"
        "from quarterdeck.console.cli import boundary\n"
        "from quarterdeck.store import registry\n"
        "def broken(tx): raise ZeroDivisionError('unforeseen')\n"
        "registry.models = broken\n"
        "sys.exit(boundary.run(['model', 'list']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 70
    assert "Traceback" not in done.stderr
    log = root / ".quarterdeck" / "logs" / "console.log"
    assert str(log) in done.stderr
    assert "ZeroDivisionError: unforeseen" in log.read_text()


def test_a_reader_that_leaves_is_no_error(root) -> None:
    command = f"{sys.executable} -m quarterdeck.console.main audit list --json | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[", "")


def test_the_databases_are_closed_after_a_refusal(quarterdeck, root) -> None:
    assert quarterdeck("model", "show", "flights@9").code == 3
    assert not Path(root / ".quarterdeck" / "quarterdeck.db-wal").exists()  # SQLite folds it in at the last close


def test_doctor_is_well_and_says_what_to_start(quarterdeck) -> None:
    said = quarterdeck("doctor", "--json")
    found = {item["check"]: item for item in said.json}
    assert {
        "python",
        "packages",
        "settings",
        "manifest",
        "schema",
        "database",
        "ledger",
        "artifacts",
        "disk",
    } <= set(found)
    assert found["ledger"]["health"] == "OK"
    assert found["daemon"]["do"] == "quarterdeck daemon start"
    assert said.code == (1 if any(item["health"] == "FAIL" for item in said.json) else 0)


def test_doctor_fails_on_what_is_broken(quarterdeck, root) -> None:
    for path in (root / ".quarterdeck/artifacts").rglob("*"):
        if path.is_file():
            path.write_bytes(b"other")
    (root / "pipelines/flights/pipeline.toml").write_text("[pipeline]\nname = 1\n")
    said = quarterdeck("doctor", "--json")
    failed = [item["check"] for item in said.json if item["health"] == "FAIL"]
    assert said.code == 1
    assert {"manifest", "artifacts"} <= set(failed)


def test_doctor_without_a_workspace_still_looks_at_the_machine(quarterdeck, tmp_path) -> None:
    said = quarterdeck("doctor", "--json", cwd=tmp_path)
    assert said.code == 1
    assert [item["check"] for item in json.loads(said.out)][-1] == "workspace"


def test_the_next_step_after_init_can_be_pasted(quarterdeck, tmp_path) -> None:
    said = quarterdeck("init", "two words", "--no-data", cwd=tmp_path)
    assert "next:  cd 'two words'" in said.out
