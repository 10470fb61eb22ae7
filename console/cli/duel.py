"""`quarterdeck duel`: champion and challenger on live traffic."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, opened
from quarterdeck.console.queries.duel import every, find
from quarterdeck.console.queries.values_duel import DuelDetail, DuelRow
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.toml_table import expected_names
from quarterdeck.store import registry
from quarterdeck.store.duels import Duel

app = noun("Champion and challenger on live traffic: list, show.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The model's name.")]
_WIDTH, _HEIGHT = 100, 60


@app.command("list")
def list_(ctx: typer.Context, limit: Limit = 50, as_json: AsJson = False) -> None:
    """All comparisons, those that go on first."""
    with opened(ctx) as console, console.database.read() as tx:
        found = every(tx, console.environment, limit=limit)
    if as_json:
        print_json([_listed(row) for row in found])
        return
    rows = [
        (row.model, row.champion, row.challenger, "running" if row.running else "ended", row.n, row.e_value, row.needed,
         row.decision, row.started_at, row.updated_at)
        for row in found
    ]  # fmt: skip
    columns = (
        "model", "champion", "challenger", "state", "labels", "evidence", "decides at", "verdict", "since", "last look",
    )  # fmt: skip
    print_table(columns, rows, empty='No comparisons: `[rollout] strategy = "shadow"` in pipeline.toml asks for them.')


def _listed(row: DuelRow) -> dict[str, Any]:
    return {
        "model": row.model, "champion": row.champion, "challenger": row.challenger, "running": row.running,
        "decision": row.decision, "n": row.n, "e_value": row.e_value, "needed": row.needed,
        "started_at": row.started_at, "updated_at": row.updated_at,
    }  # fmt: skip


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """The comparison of a model that goes on, or its last: verdict, evidence, figures of both."""
    with opened(ctx) as console, console.database.read() as tx:
        found = find(tx, console.environment, name)
        known = registry.models(tx) if found is None else []
        environment = console.environment
    if found is None and name not in known:
        raise NotFoundError(f"there is no model {name!r}", hint=expected_names(name, known) if known else None)
    if found is None:
        hint = f"`quarterdeck model show {name}` says what it has; a comparison begins with a challenger and a label"
        raise NotFoundError(f"{name} has had no comparison in {environment}", hint=hint)
    duel, detail = found
    if as_json:
        print_json(_shown(duel, detail))
    else:
        _print(detail, plain_only=ctx.obj.ascii)


def _shown(duel: Duel, detail: DuelDetail) -> dict[str, Any]:
    """The verdict's own keys (core/duel.py), what it is about, the holdout's metrics, and the evidence at each look."""
    about = _listed(detail.row) | {"environment": duel.environment, "rollout": detail.rollout or None}
    names = ("labels", "e_value", "difference", "low", "high")
    return {
        **about,
        "verdict": duel.verdict,
        "offline": [
            {"name": item.name, "champion": item.champion, "challenger": item.challenger}
            for item in detail.compared
            if not item.live
        ],
        "gates": {"passed": detail.gates_passed, "asked": detail.gates},
        "evidence": [dict(zip(names, point, strict=True)) for point in duel.path],
    }


def _print(detail: DuelDetail, *, plain_only: bool) -> None:
    # start-up time: no other command of this noun draws
    from quarterdeck.console.tui.screens.duel_text import duel_lines
    from quarterdeck.console.tui.symbols import choose
    from quarterdeck.console.tui.text import plain

    row = detail.row
    print(f"{row.model}: champion {row.champion}, challenger {row.challenger}")
    for line in duel_lines(detail, _WIDTH, _HEIGHT, choose(plain_only or None)):
        print(plain(line).rstrip())
