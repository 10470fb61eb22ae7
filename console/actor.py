"""Who acts: the person who logged in, and the account they act through. No variable is believed.

The kernel keeps a login uid that ssh and login set as root, and that sudo and su leave alone. Where it was never
set (containers, services) any process may set its own, once, so it is believed only where the process highest in the
line that bears it is root's. Otherwise the person is whoever owns the highest process in the line that is not
root's: sudo and su run as root, but below the shell of the one who called them. Root itself can pretend anything,
here as everywhere.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

UNSET = 4_294_967_295  # a login uid that nobody has set
ROOT = 0
_LONGEST = 256  # processes in a line


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process: whose it is (the real uid), and who logged in to start it, as the kernel says."""

    uid: int
    login: int | None = None


def person_uid(line: Sequence[Process]) -> int:
    """Who acts, from the line of processes: ours first, then its parent, up to the first that can be seen."""
    me = line[0]
    if me.login is not None:
        highest = list(takewhile(lambda process: process.login == me.login, line))[-1]
        if highest.uid == ROOT:
            return me.login
    people = [process.uid for process in line if process.uid != ROOT]
    return people[-1] if people else me.uid


def actor_name(account: str, person: str) -> str:
    """ "alice as quarterdeck", or just the account where both are one."""
    return account if account == person else f"{person} as {account}"


def current_actor() -> str:
    """Who acts in this process."""
    return actor_name(_name(os.getuid()), _name(person_uid(list(_line()))))


def client_address(environment: Mapping[str, str]) -> str | None:
    """Where an ssh session says it comes from: information for the ledger, never identity; None if it is no address."""
    first = environment.get("SSH_CONNECTION", "").partition(" ")[0]
    try:
        return str(ipaddress.ip_address(first))
    except ValueError:
        return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # an account that was deleted, or a container that lists none
        return f"uid:{uid}"


def _line() -> Iterator[Process]:
    """This process and those above it; it ends where one cannot be seen."""
    yield Process(uid=os.getuid(), login=_login(os.getpid()))
    pid = os.getppid()
    for _ in range(_LONGEST):
        found = _parent(pid) if pid > 0 else None
        if found is None:
            return
        uid, above = found
        yield Process(uid=uid, login=_login(pid))
        pid = above


def _login(pid: int) -> int | None:
    try:
        login = int(Path(f"/proc/{pid}/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):  # a kernel without it, or a process that has ended
        return None
    return None if login == UNSET else login


def _parent(pid: int) -> tuple[int, int] | None:
    """The real uid of a process and its parent's id; None if it cannot be seen."""
    if not Path("/proc/self/status").exists():
        return _parent_elsewhere(pid)
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    said = {name: value.split() for name, _, value in (text.partition(":") for text in lines)}
    return int(said["Uid"][0]), int(said["PPid"][0])


def _parent_elsewhere(pid: int) -> tuple[int, int] | None:
    """The same on systems without /proc."""
    import psutil  # start-up time: 20 ms that Linux does without

    try:
        process = psutil.Process(pid)
        return process.uids().real, process.ppid()
    except psutil.Error:
        return None
