"""`quarterdeck gate`: what a version must pass, and who set it so."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from quarterdeck.console import acts
from quarterdeck.console.acts.gates import LATEST
from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.cli.ask import confirm, need_reason
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Reason, Yes, opened
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.gate_sets import GateChange, GateSet, gate_json, in_words, rejudge, thresholds
from quarterdeck.core.gate_sets import change as change_gate
from quarterdeck.core.gates import overall
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import Outcome
from quarterdeck.store import gate_sets, ledger, registry

app = noun("Gates of a model: list, show, edit, history, judge.")
Model = Annotated[str, typer.Argument(help="The model's name.")]
Number = Annotated[int | None, typer.Option("--set", help="Which set of gates; else the newest.", min=1)]


@app.command("list")
def list_(ctx: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """The gates that judge the next version, with what each asks, who owns it, and what it last said."""
    with opened(ctx) as console, console.database.read() as tx:
        found = _known(tx, model)
        newest = _newest(tx, model)
        last = {} if newest is None else {item.key: item for item in newest.verdicts if item.key is not None}
        stale = {} if newest is None else _stale(tx, found, newest)
    if as_json:
        said = {key: result.to_json() for key, result in last.items()}
        print_json(_set_json(found) | {"last": said, "last_set": newest and newest.gate_set, "stale": stale})
        return
    rows = [
        (gate.key, in_words(gate), gate.owner, "a person" if found.edited(gate) else "manifest",
         last[gate.key].outcome if gate.key in last else None,
         last[gate.key].statistic if gate.key in last else None,
         stale.get(gate.key, "as it is now") if gate.key in last else None)
        for gate in found.gates
    ]  # fmt: skip
    columns = ("gate", "asks", "owner", "set by", "last", "value", "judged by")
    print_table(columns, rows, empty=f"{model} has no gate any more.")


@app.command()
def show(ctx: typer.Context, model: Model, number: Number = None, as_json: AsJson = False) -> None:
    """One set of gates: who made it, when, why, and what it changed."""
    with opened(ctx) as console, console.database.read() as tx:
        found = _known(tx, model, number)
        entry = ledger.get(tx, found.ledger_seq)
    if as_json:
        changed = {"reason": entry.reason, "before": entry.before, "after": entry.after, "evidence": entry.evidence}
        print_json(_set_json(found) | changed)
        return
    overruled = entry.evidence.get("overruled", [])
    print_fields([
        ("gates", f"set {found.number} of {model}"),
        ("made", found.created),
        ("by", found.author),
        ("from", "pipeline.toml" if found.source == "manifest" else "an edit"),
        ("reason", entry.reason),
        ("changed", _changes(entry.before, entry.after)),
        ("overruled", "\n".join(overruled)),
        ("ledger", entry.seq),
    ])  # fmt: skip
    print()
    rows = [(gate.key, in_words(gate), gate.owner, "a person" if found.edited(gate) else "manifest")
            for gate in found.gates]  # fmt: skip
    print_table(("gate", "asks", "owner", "set by"), rows, empty="No gates.")


@app.command()
def edit(
    ctx: typer.Context,
    model: Model,
    gate: Annotated[str, typer.Argument(help='As `gate list` shows it: "roc_auc_score min".')],
    minimum: Annotated[float | None, typer.Option("--min", help="The least value that passes.")] = None,
    maximum: Annotated[float | None, typer.Option("--max", help="The greatest value that passes.")] = None,
    margin: Annotated[float | None, typer.Option(help="How much worse than the champion is no worse.")] = None,
    confidence: Annotated[float | None, typer.Option(help="From 0.5 to below 1.")] = None,
    memory_mb: Annotated[float | None, typer.Option("--memory-mb", help="Of a target: the most memory.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Of a target: the longest time to load and answer.")] = None,
    saw: Annotated[int, typer.Option("--saw", min=0, help="Refuse if the newest set is another.")] = LATEST,
    reason: Reason = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Set a threshold: a new set of gates, which judges from the next run on.

    Asks where the newest version's verdict would be another.
    """
    change = GateChange(
        minimum=minimum, maximum=maximum, margin=margin, confidence=confidence, memory_mb=memory_mb, seconds=seconds
    )
    with opened(ctx) as console:
        check_right(console, Right.EDIT_GATES, act=gate_sets.ACT, subject=model)
        with console.database.read() as tx:
            seen, newest = _known(tx, model), _newest(tx, model)
        becomes = change_gate(seen.gate(gate), change)
        why = need_reason(reason)
        turned = None if newest is None else _turned(seen, becomes, newest)
        what = f"{thresholds(seen.gate(gate))} to {thresholds(becomes)}"
        if turned is not None:
            confirm([f"{gate} of {model}: {what}", turned, f"reason  {why}"], yes=yes)
        made = acts.edit_gate(console, model, gate, change, reason=why, saw=saw if saw != LATEST else seen.number)
    if as_json:
        print_json(_set_json(made))
        return
    print(f"{gate}: {what}; set {made.number} of {model} judges from the next run on")


def _turned(seen: GateSet, becomes: GateSpec, version: Version) -> str | None:
    """In words, where a version's verdict by this gate would be another."""
    after = replace(seen, gates=tuple(becomes if gate.key == becomes.key else gate for gate in seen.gates))
    old, new = (
        next((result.outcome for gate, result in rejudge(gates, version) if gate.key == becomes.key and result), None)
        for gates in (seen, after)
    )
    return None if old is new or new is None else f"{version.reference} would {new} it, and did {old} it until now"


@app.command()
def history(ctx: typer.Context, model: Model, limit: Limit = 50, as_json: AsJson = False) -> None:
    """The sets of gates of a model, the newest first."""
    with opened(ctx) as console, console.database.read() as tx:
        _known(tx, model)
        found = [(item, ledger.get(tx, item.ledger_seq)) for item in gate_sets.history(tx, model, limit=limit)]
    if as_json:
        print_json([_set_json(item) | {"reason": entry.reason, "evidence": entry.evidence} for item, entry in found])
        return
    rows = [
        (item.number, item.created, item.author, item.source, _changes(entry.before, entry.after), entry.reason)
        for item, entry in found
    ]
    print_table(("set", "made", "by", "from", "changed", "reason"), rows, empty="No sets.")


@app.command()
def judge(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="MODEL[@VERSION]", help="flights@3, flights@champion.")],
    number: Number = None,
    as_json: AsJson = False,
) -> None:
    """Hold the values kept with a version against the gates of now; exit 1 if one fails. Changes nothing."""
    with opened(ctx) as console, console.database.read() as tx:
        version = registry.resolve(tx, parse_reference(reference), console.environment)
        found = _known(tx, version.model, number)
    judged = rejudge(found, version)
    if as_json:
        results = [{"gate": gate.key, "result": result and result.to_json()} for gate, result in judged]
        print_json({"version": version.reference, "gate_set": found.number, "gates": results})
    else:
        rows = [
            (gate.key, result.outcome.upper(), result.reason) if result else (gate.key, "-", "takes the rows: run it")
            for gate, result in judged
        ]
        print_table(("gate", "says", "why"), rows, empty="No gates.")
    if overall(result for _, result in judged if result is not None) is Outcome.FAIL:
        raise typer.Exit(1)


def _known(tx: Connection, model: str, number: int | None = None) -> GateSet:
    if gate_sets.current(tx, model) is None:
        known = gate_sets.models(tx)
        hint = expected_names(model, known) if known else "gates come from pipeline.toml: [[gates]]"
        raise NotFoundError(f"{model} has no gates", hint=hint)
    return gate_sets.get(tx, model, number)


def _newest(tx: Connection, model: str) -> Version | None:
    return next(iter(registry.versions(tx, model=model, limit=1)), None)


def _stale(tx: Connection, found: GateSet, version: Version) -> dict[str, str]:
    """By key, the set and the limit that judged a version, for each gate whose limit has changed since."""
    if version.gate_set is None or version.gate_set == found.number:
        return {}
    judged = {gate.key: gate for gate in gate_sets.get(tx, found.model, version.gate_set).gates}
    return {
        gate.key: f"set {version.gate_set}, {thresholds(judged[gate.key])}: stale"
        for gate in found.gates
        if gate.key in judged and judged[gate.key] != gate
    }


def _set_json(found: GateSet) -> dict[str, Any]:
    gates = [
        gate_json(gate) | {"key": gate.key, "asks": in_words(gate), "edited": found.edited(gate)}
        for gate in found.gates
    ]
    return {
        "model": found.model, "set": found.number, "created": found.created, "author": found.author,
        "source": found.source, "ledger_seq": found.ledger_seq, "gates": gates,
    }  # fmt: skip


def _changes(before: Any, after: Any) -> str:
    """ "missed_delay_cost max: max 0.97 to max 0.95" for each gate that the set changed."""
    old = before["gates"] if before else {}
    new = after["gates"]
    words = [f"{key}: {old[key]} to {text}" if key in old else f"{key}: {text}" for key, text in new.items()]
    return "; ".join([*words, *(f"{key}: gone" for key in old if key not in new)])
