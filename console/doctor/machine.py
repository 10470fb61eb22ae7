"""The machine and the installation, whatever the workspace: Python, packages, terminal, git."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from quarterdeck.console.doctor.finding import Finding, fail, ok, warn

OLDEST, NEWEST = (3, 11), (3, 13)
LEAST_TERMINAL = (80, 24)


def python() -> Finding:
    found = sys.version_info[:2]
    seen = f"{platform.python_version()} at {sys.executable}"
    if found < OLDEST:
        return fail("python", seen, "install Python 3.11 or newer")
    if found > NEWEST:
        return warn("python", f"{seen}, newer than what was tested", "use Python 3.11 to 3.13")
    return ok("python", seen)


def packages() -> Iterator[Finding]:
    """What is installed against what this version asks for: a finding for each that does not fit, or one."""
    wrong = 0
    needed = [Requirement(text) for text in metadata.requires("quarterdeck") or []]
    needed = [item for item in needed if item.marker is None or item.marker.evaluate({"extra": ""})]
    for item in needed:
        try:
            found = metadata.version(item.name)
        except metadata.PackageNotFoundError:
            wrong += 1
            yield fail("packages", f"{item.name} is not installed", f"pip install '{item}'")
            continue
        if not item.specifier.contains(found, prereleases=True):
            wrong += 1
            yield warn("packages", f"{item.name} {found}, tested with {item.specifier}", f"pip install '{item}'")
    if not wrong:
        yield ok("packages", f"quarterdeck {metadata.version('quarterdeck')}, {len(needed)} packages as tested")


def terminal() -> Finding:
    if not sys.stdout.isatty():
        return ok("terminal", "none: output is plain")
    width, height = shutil.get_terminal_size()
    seen = f"{width}x{height}, {os.environ.get('TERM', 'no TERM')}, {locale.getpreferredencoding(False)}"
    if os.environ.get("TERM", "dumb") == "dumb":
        return warn("terminal", seen, "set TERM, for example to xterm-256color")
    if width < LEAST_TERMINAL[0] or height < LEAST_TERMINAL[1]:
        return warn("terminal", seen, "make it at least 80x24 for the terminal console")
    if "utf" not in locale.getpreferredencoding(False).lower():
        return warn("terminal", seen, "use a UTF-8 locale, or quarterdeck --ascii")
    return ok("terminal", seen)


def git() -> Finding:
    found = shutil.which("git")
    if found is None:
        return warn("git", "not installed", "install git: runs and versions then record the commit they come from")
    return ok("git", found)
