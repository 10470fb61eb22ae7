"""`quarterdeck rollout`: how versions reach the traffic, step by step."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.cli.ask import confirm, need_reason
from quarterdeck.console.cli.model_common import known
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Reason, Yes, opened
from quarterdeck.console.cli.waiting import warn_no_daemon
from quarterdeck.console.context import Console
from quarterdeck.console.queries import rollouts as queries
from quarterdeck.console.queries.rollouts import RolloutDetail
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.manifest import Strategy
from quarterdeck.core.rights import Right
from quarterdeck.core.rollout import Rollout, StepKind, step_text
from quarterdeck.store import rollouts

app = noun("How versions reach the traffic: list, show, start, pause, resume, abort, promote.")
Which = Annotated[str, typer.Argument(metavar="ID|MODEL", help="A rollout's number, or a model for its newest one.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option("--model", help="Only this one's.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Rollouts of this environment, the newest first."""
    with opened(ctx) as console, console.database.read() as tx:
        if model is not None:
            known(console, model)
        rows = queries.page(tx, console.environment, model=model, limit=limit)
        if rollouts.open_ones(tx, console.environment):
            warn_no_daemon(console)
    if as_json:
        print_json(rows)
        return
    table = [
        (row.id, f"{row.model}@{row.version}", row.strategy, row.state, row.step, row.since, row.reason) for row in rows
    ]
    columns = ("id", "version", "strategy", "state", "step", "since", "reason")
    print_table(columns, table, empty="No rollouts yet: one begins when a version passes its gates.")


@app.command()
def show(
    ctx: typer.Context,
    which: Annotated[str | None, typer.Argument(metavar="[ID|MODEL]", help="Which; else the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """One rollout: where it stands and why, its steps, its looks, and what the comparison says."""
    with opened(ctx) as console, console.database.read() as tx:
        found = _newest(console) if which is None else rollouts.find(tx, console.environment, which)
        detail = queries.detail(tx, found)
        if found.ended_at is None:
            warn_no_daemon(console)
    if as_json:
        print_json({"rollout": detail.row, "steps": detail.steps, "at": detail.at, "spec": found.spec,
                    "looks": detail.looks, "verdict": detail.verdict})  # fmt: skip
        return
    print_fields(_about(detail))
    print()
    looks = [(look.at, detail.steps[look.step], look.outcome, look.reason) for look in detail.looks]
    print_table(("until", "step", "look", "reason"), looks, empty="No looks yet.")


@app.command()
def start(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="MODEL@N", help="The version, as flights@3.")],
    strategy: Annotated[Strategy | None, typer.Option("--strategy", help="Else what pipeline.toml says.")] = None,
    reason: Reason = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Begin a rollout of a version; an open one of the model ends."""
    with opened(ctx) as console:
        check_right(console, Right.OPERATE, act="start_rollout", subject=reference)
        spec = acts.rollout_spec(console, reference.partition("@")[0], strategy)
        why = need_reason(reason)
        how = f"{spec.strategy}, promote {spec.promote}"
        confirm([f"roll out  {reference} in {console.environment}: {how}", f"reason    {why}"], yes=yes)
        done = acts.start_rollout(console, reference, reason=why, strategy=strategy)
        warn_no_daemon(console)
    _say(done, as_json=as_json)


@app.command()
def pause(ctx: typer.Context, which: Which, reason: Reason = None, as_json: AsJson = False) -> None:
    """Keep a rollout at its step until it is resumed; a failing analysis still rolls it back."""
    with opened(ctx) as console:
        done = acts.pause_rollout(console, which, reason=reason or "paused by a person")
        warn_no_daemon(console)
    _say(done, as_json=as_json)


@app.command()
def resume(ctx: typer.Context, which: Which, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let a paused rollout go on; the analysis of its step begins anew."""
    with opened(ctx) as console:
        done = acts.resume_rollout(console, which, reason=reason or "resumed by a person")
        warn_no_daemon(console)
    _say(done, as_json=as_json)


@app.command()
def abort(ctx: typer.Context, which: Which, reason: Reason = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a rollout; the champion stays, or after the promotion the one before answers again."""
    with opened(ctx) as console:
        seen, why = _looked(console, which, reason, Right.DEMOTE, "abort_rollout")
        back = seen.current.kind is StepKind.BAKE
        then = f"champion {seen.champion} answers again" if back else f"champion {seen.champion} stays"
        confirm([*_restated("abort", seen, why), then], yes=yes)
        done = acts.abort_rollout(console, which, reason=why, seen=seen)
    _say(done, as_json=as_json)


@app.command()
def promote(ctx: typer.Context, which: Which, reason: Reason = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Skip the rest of a rollout: its version becomes champion, if its gates passed and enough people approved it."""
    with opened(ctx) as console:
        seen, why = _looked(console, which, reason, Right.PROMOTE, "promote")
        champion = "none" if seen.champion is None else f"version {seen.champion}, it becomes previous"
        what = [*_restated("promote", seen, why), f"champion now: {champion}"]
        confirm(what, yes=yes)
        done = acts.promote_rollout(console, which, reason=why, seen=seen)
    _say(done, as_json=as_json)


def _looked(console: Console, which: str, reason: str | None, right: Right, act: str) -> tuple[Rollout, str]:
    """The rollout as it is now, which is what the operator confirms, and the reason."""
    check_right(console, right, act=act, subject=which)
    with console.database.read() as tx:
        seen = rollouts.find(tx, console.environment, which)
    return seen, need_reason(reason)


def _restated(verb: str, seen: Rollout, reason: str) -> list[str]:
    stands = f"{seen.state}, {step_text(seen)}"
    return [f"{verb}  {seen.reference}, rollout {seen.id} in {seen.environment}: {stands}", f"reason  {reason}"]


def _newest(console: Console) -> Rollout:
    with console.database.read() as tx:
        found = rollouts.open_ones(tx, console.environment)[-1:] or rollouts.page(tx, console.environment, limit=1)
    if not found:
        raise NotFoundError(f"there has been no rollout in {console.environment}")
    return found[0]


def _about(detail: RolloutDetail) -> list[tuple[str, object]]:
    row, verdict = detail.row, detail.verdict
    steps = [f"[{step}]" if at == detail.at else step for at, step in enumerate(detail.steps)]
    said = "none yet" if verdict is None else f"{verdict.decision}: {'; '.join(verdict.reasons)}"
    return [
        ("rollout", row.id),
        ("version", f"{row.model}@{row.version}"),
        ("champion", row.champion),
        ("strategy", row.strategy),
        ("state", row.state),
        ("step", row.step),
        ("steps", " -> ".join(steps)),
        ("since", row.since),
        ("reason", row.reason),
        ("comparison", said),
        ("started", row.started_at),
        ("by", row.started_by),
        ("ended", row.ended_at),
    ]


def _say(done: Rollout, *, as_json: bool) -> None:
    if as_json:
        print_json({"rollout": done, "step": step_text(done)})
    else:
        print(f"{done.reference}: rollout {done.id} is {done.state}, {step_text(done)}")
