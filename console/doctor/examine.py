"""All checks, in the order in which trouble is best understood."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from quarterdeck.console.context import Console
from quarterdeck.console.doctor import machine, processes, store, workspace
from quarterdeck.console.doctor.finding import Finding, Health, fail
from quarterdeck.core.errors import QuarterdeckError


def examine(explicit: Path | None, now: datetime) -> Iterator[Finding]:
    """Every finding, as it is made. A workspace that cannot be opened is a finding too."""
    yield machine.python()
    yield from machine.packages()
    yield machine.terminal()
    yield machine.git()
    try:
        console = Console.open(explicit)
    except QuarterdeckError as error:
        where = f"{error.where}: " if error.where else ""
        yield fail("workspace", f"{where}{error.message}", error.hint or "correct it")
        return
    with console:
        yield from _workspace(console, now)


def _workspace(console: Console, now: datetime) -> Iterator[Finding]:
    yield workspace.settings(console.workspace, console.settings)
    yield from workspace.manifests(console.workspace)
    yield workspace.state_folder(console.workspace)
    yield workspace.disk(console.workspace)
    broken = False
    for finding in store.store(console.workspace, console.settings):
        broken = broken or (finding.check in ("database", "schema") and finding.health is Health.FAIL)
        yield finding
    if broken:
        return
    try:
        yield from processes.processes(console.database, console.settings, now)
    except QuarterdeckError as error:
        yield fail("database", str(error), error.hint or "see the file")
