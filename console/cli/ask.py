"""Questions before an act that changes what is live. Without a terminal nothing is asked."""

from __future__ import annotations

import sys

from quarterdeck.console.acts.guard import checked_reason
from quarterdeck.console.cli.output import clean
from quarterdeck.core.errors import RefusedError, UsageError


def in_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def need_reason(reason: str | None) -> str:
    """The reason as given, or asked for in a terminal."""
    if reason is not None and reason.strip():
        return checked_reason(reason.strip())
    if reason is None and in_terminal():
        answer = _question("Why? (it is kept in the ledger) ")
        if answer:
            return checked_reason(answer)
    raise UsageError("this act needs a reason", hint='add --reason "why"')


def confirm(what: list[str], *, yes: bool) -> None:
    """Show what changes and ask; anything but yes is a RefusedError, and nothing has changed."""
    if yes:
        return
    if not in_terminal():
        raise UsageError("this act asks for confirmation, and there is no terminal to ask in", hint="add --yes")
    for line in what:
        print(clean(line), file=sys.stderr)
    if _question("Do it? [y/N] ").lower() not in ("y", "yes"):
        raise RefusedError("not confirmed: nothing was changed")


def _question(text: str) -> str:
    """Ask on stderr, so that stdout stays for the answer of the command."""
    print(text, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)
    return line.strip()
