"""`quarterdeck model card`: all that is known of a version, for people who did not make it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.console.cli.model_common import Ref
from quarterdeck.console.cli.output import clean, print_json
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.core.errors import UnavailableError, UsageError

Out = Annotated[Path | None, typer.Option("--out", help="Write the Markdown to this file instead.")]


def card(ctx: typer.Context, reference: Ref, out: Out = None, as_json: AsJson = False) -> None:
    """The model card in Markdown: what it is for, how good, where weak, by which gates and approvals."""
    from quarterdeck.console.queries.card import card_of  # start-up time, with the next: only this command needs them
    from quarterdeck.core.card_markdown import to_markdown

    if out is not None and as_json:
        raise UsageError("--out writes Markdown", hint="leave out --out, or --json")
    with opened(ctx) as console:
        version, found = card_of(console, reference)
    if as_json:
        print_json({"version": version.reference, "card": found.to_json()})
        return
    text = to_markdown(found)
    if out is None:
        print(clean(text, lines=True), end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnavailableError(
            f"cannot be written: {error.strerror}", where=str(out), hint="name another file"
        ) from error
    typer.echo(f"the card of {version.reference} is in {out}", err=True)


COMMANDS = {"card": card}
