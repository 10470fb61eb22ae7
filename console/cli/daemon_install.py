"""`quarterdeck daemon install`: the daemon as a service of the machine's."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.console.acts.units import Planned, install_unit, plan_unit
from quarterdeck.console.cli.output import print_json
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.core.errors import UsageError


def install(
    ctx: typer.Context,
    systemd: Annotated[bool, typer.Option("--systemd", help="A unit of systemd; the only kind there is.")] = False,
    user: Annotated[bool, typer.Option("--user", help="Of your own service manager: no root needed.")] = False,
    account: Annotated[
        str | None, typer.Option("--as", help="The account a system unit runs as; else who installs it.")
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print the unit and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the unit by which systemd starts the daemon at boot, watches it and starts it again.

    Nothing is started: the commands that do so are printed.
    """
    if not systemd:
        raise UsageError("say which service manager", hint="`quarterdeck daemon install --systemd`")
    if user and account is not None:
        raise UsageError("--as is for a system unit; one of your own runs as you", hint="leave out --as or --user")
    with opened(ctx) as console:
        planned = plan_unit(console, user_manager=user, account=account)
        written = False if print_only else install_unit(console, planned)
    if as_json:
        print_json({"path": planned.path, "written": written, "text": planned.text})
    elif print_only:
        print(planned.text, end="")
    else:
        _say(planned, written)


def _say(planned: Planned, written: bool) -> None:
    print(f"{planned.path} is {'written' if written else 'there already, as it should be'}")
    systemctl = "systemctl --user" if planned.user_manager else "systemctl"
    print(f"next:  {systemctl} daemon-reload && {systemctl} enable --now {planned.path.name}")
    if planned.user_manager:
        print("       loginctl enable-linger   # so that it runs while you are not logged in")
