"""`quarterdeck model compare A B`: two versions of one model side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.model_common import version_of
from quarterdeck.console.cli.output import print_json, print_table, text_of
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.formats import signed, size
from quarterdeck.console.queries.compare import ComparedMetric, Comparison
from quarterdeck.console.queries.compare import compare as side_by_side

A = Annotated[str, typer.Argument(metavar="A", help="flights@3, or flights@champion.")]
B = Annotated[str, typer.Argument(metavar="B", help="Another version of the same model.")]


def compare(ctx: typer.Context, a: A, b: B, as_json: AsJson = False) -> None:
    """Two versions of one model side by side: metrics, gates, data, signature, engine, size."""
    with opened(ctx) as console:
        found = side_by_side(version_of(console, a), version_of(console, b))
    if as_json:
        print_json(_plain(found))
    else:
        _print(found)


def _plain(found: Comparison) -> dict[str, Any]:
    return {
        "model": found.model,
        "a": found.a,
        "b": found.b,
        "metrics": [
            {"name": item.name, "direction": item.direction, "a": item.a, "b": item.b, "difference": item.difference,
             "better": item.better}
            for item in found.metrics
        ],
        "gates": found.gates,
        "signature": found.signature,
        "facts": {name: {"a": left, "b": right} for name, left, right in found.facts},
        "note": found.note,
    }  # fmt: skip


def _print(found: Comparison) -> None:
    metrics = [
        (item.name, item.direction, item.a, item.b, signed(item.difference), _better(found, item))
        for item in found.metrics
    ]
    columns = ("metric", "better is", found.a, found.b, "difference", "better")
    print_table(columns, metrics, empty="Neither has metrics.")
    print(f"({found.note})\n")
    gates = [(item.gate, _outcome(item.a), _outcome(item.b)) for item in found.gates]
    print_table(("gate", found.a, found.b), gates, empty="Neither was asked by a gate.")
    print()
    facts = [(what.replace("_", " "), _fact(what, left), _fact(what, right)) for what, left, right in found.facts]
    print_table(("", found.a, found.b), facts, empty="")
    print()
    fields = [(item.name, item.a or "not there", item.b or "not there") for item in found.signature]
    print_table(("signature", found.a, found.b), fields, empty="The signatures are the same.")


def _better(found: Comparison, item: ComparedMetric) -> str:
    if item.difference is None:
        return "-"
    return "equal" if item.better is None else f"{found.model}@{item.better}"


def _outcome(outcome: Any) -> str:
    return "not asked" if outcome is None else str(outcome.upper())


def _fact(what: str, value: Any) -> str:
    if what == "size_bytes":
        return size(value)
    return value[:16] if what == "artifact" else text_of(value)


COMMANDS: dict[str, Callable[..., Any]] = {"compare": compare}
