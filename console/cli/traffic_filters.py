"""Which rows of the prediction log a command is about: the options that `query` and `export` have in common.

They are the parameters of one function. A command that takes `filters: Filters` is given all of them by @filtered.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer

from quarterdeck.console.cli.traffic_rows import time_or_ago
from quarterdeck.console.context import Console
from quarterdeck.console.queries.traffic_log import check_confidence, check_endpoint
from quarterdeck.core.errors import UsageError
from quarterdeck.core.values import Arm
from quarterdeck.store.traffic_log import Asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What was asked for, as it was written."""

    version: int | None
    arm: Arm | None
    entity: str | None
    since: str | None
    until: str | None
    labelled: bool | None
    below: float | None

    def asked(self, console: Console, endpoint: str | None, *, id: str | None = None) -> Asked:
        """The question. NotFoundError for an endpoint that does not exist, UsageError for what means nothing."""
        first, last = time_or_ago(self.since), time_or_ago(self.until)
        if first is not None and last is not None and first >= last:
            raise UsageError("--since is not before --until", hint="no time lies between them")
        if endpoint is not None:
            check_endpoint(console, endpoint)
        if self.below is not None:
            check_confidence(console, endpoint)
        return Asked(
            endpoint=endpoint, version=self.version, arm=None if self.arm is None else self.arm.value,
            entity=self.entity, id=id, since=first, until=last, labelled=self.labelled, confidence_below=self.below,
        )  # fmt: skip


def _filters(
    version: Annotated[int | None, typer.Option("--version", min=1, help="Only this version's answers.")] = None,
    arm: Annotated[Arm | None, typer.Option("--arm", help="Only this part of the traffic.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Only answers about this one.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Given then or later: a time, or 2h ago.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Given before: a time, or 30m ago.")
    ] = None,
    labelled: Annotated[
        bool | None, typer.Option("--labelled/--unlabelled", help="Only those with a label, or without one.")
    ] = None,
    below: Annotated[
        float | None,
        typer.Option(
            "--confidence-below", min=0.0, max=1.0, help="Only answers less sure than this; needs one endpoint."
        ),
    ] = None,
) -> Filters:
    return Filters(version=version, arm=arm, entity=entity, since=since, until=until, labelled=labelled, below=below)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of _filters() in place of its parameter `filters`."""
    options = inspect.signature(_filters, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True)

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        command(**{name: given[name] for name in given if name not in options},
                filters=_filters(**{name: given[name] for name in options}))  # fmt: skip

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        parameters += options.values() if name == "filters" else [parameter]
    with_options.__signature__ = own.replace(  # type: ignore[attr-defined]  # what inspect, and so typer, looks at
        parameters=[parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    hints = get_type_hints(command, include_extras=True) | get_type_hints(_filters, include_extras=True)
    with_options.__annotations__ = {name: hint for name, hint in hints.items() if name not in ("filters", "return")}
    return with_options
