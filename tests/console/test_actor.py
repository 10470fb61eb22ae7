"""Who acts is told by the kernel, and by no variable."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.console.actor import Process, actor_name, client_address, current_actor, person_uid

ROOT, ALICE, BOB, SERVICE = 0, 1000, 1001, 900


def line(*processes: tuple[int, int | None]) -> list[Process]:
    return [Process(uid=uid, login=login) for uid, login in processes]


# Ours first, then upwards.
@pytest.mark.parametrize(
    ("processes", "person"),
    [
        (line((ALICE, ALICE), (ALICE, ALICE), (ROOT, ALICE), (ROOT, None)), ALICE),
        (line((ROOT, ALICE), (ROOT, ALICE), (ALICE, ALICE), (ROOT, ALICE), (ROOT, None)), ALICE),
        (line((SERVICE, ALICE), (ROOT, ALICE), (ALICE, ALICE), (ROOT, ALICE), (ROOT, None)), ALICE),
        (line((SERVICE, None), (ROOT, None), (ALICE, None), (ROOT, None)), ALICE),
        (line((SERVICE, None), (ROOT, None), (BOB, None), (ROOT, None), (ALICE, None), (ROOT, None)), ALICE),
        (line((ALICE, ROOT), (ROOT, ROOT), (ROOT, None)), ROOT),
        (line((SERVICE, None), (ROOT, None)), SERVICE),
        (line((ROOT, None)), ROOT),
    ],
    ids=["ssh", "sudo to root", "sudo to a service", "sudo without a login uid", "sudo twice", "root became alice",
         "a service", "a container's root"],
)  # fmt: skip
def test_the_person_is_who_logged_in(processes: list[Process], person: int) -> None:
    assert person_uid(processes) == person


def test_a_login_uid_that_a_process_gave_itself_is_not_believed() -> None:
    # unset above: bob's shell has written alice's number, which the kernel lets anybody do once
    assert person_uid(line((BOB, ALICE), (BOB, ALICE), (ROOT, None))) == BOB
    # and one that would hide the person behind the account they act through
    assert person_uid(line((SERVICE, SERVICE), (ROOT, None), (BOB, None), (ROOT, None))) == BOB


@given(st.lists(st.sampled_from([ALICE, BOB, SERVICE]), min_size=1), st.sampled_from([ALICE, BOB, None]))
def test_without_root_above_a_claim_changes_nothing(uids: list[int], login: int | None) -> None:
    claimed = [Process(uid=uid, login=login) for uid in uids]
    plain = [Process(uid=uid) for uid in uids]
    assert person_uid(claimed) == person_uid(plain) == uids[-1]


def test_the_account_is_named_where_it_is_another() -> None:
    assert actor_name("quarterdeck", "alice") == "alice as quarterdeck"
    assert actor_name("alice", "alice") == "alice"


def test_forged_variables_change_nothing() -> None:
    forged = {"USER": "alice", "LOGNAME": "alice", "USERNAME": "alice", "SUDO_USER": "alice", "SUDO_UID": "1000",
              "SUDO_COMMAND": "/bin/sh", "LNAME": "alice"}  # fmt: skip
    code = "from quarterdeck.console.actor import current_actor; print(current_actor())"
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | forged, capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == current_actor()
    assert "alice" not in said.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another account")
def test_through_another_account_the_person_stays() -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    inner = "from quarterdeck.console.actor import current_actor; print(current_actor())"
    # a process of root's below nobody's, as sudo's: the real uid of the one in the middle is nobody's, and ours root's
    outer = (
        f"import os, subprocess, sys; os.setresuid({nobody}, 0, 0);"
        f"pid = os.fork()\n"
        f"if pid == 0:\n    os.setresuid(0, 0, 0)\n    os.execv(sys.executable, [sys.executable, '-c', {inner!r}])\n"
        f"os.waitpid(pid, 0)"
    )
    done = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "nobody as root"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.7 51022 192.0.2.1 22", "192.0.2.7"),
        ("2001:db8::7 51022 2001:db8::1 22", "2001:db8::7"),
        ("\x1b[2J 1 2 3", None),
        ("", None),
    ],
)
def test_the_address_of_an_ssh_session_is_an_address_or_nothing(said: str, address: str | None) -> None:
    assert client_address({"SSH_CONNECTION": said}) == address
    assert client_address({}) is None
