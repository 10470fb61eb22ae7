"""`quarterdeck service test`, `expect` and `load`: the running server asked what it must answer, and driven."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarterdeck.console.acts import services as acts
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Reason, opened
from quarterdeck.console.context import Console
from quarterdeck.core import service_spec
from quarterdeck.core.durations import parse_duration
from quarterdeck.core.errors import UsageError
from quarterdeck.core.expected import Expected
from quarterdeck.core.load import LoadReport, judge_load
from quarterdeck.core.operations import Service
from quarterdeck.core.registry import Reference, Version, parse_reference
from quarterdeck.core.rollout_looks import LookOutcome, LookResult
from quarterdeck.core.service_spec import LoadSpec
from quarterdeck.store import registry, services
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.expected import load_expected
from quarterdeck.store.workspace import Workspace

if TYPE_CHECKING:
    from quarterdeck.scheduler.load import LoadProgress

Endpoint = Annotated[str, typer.Argument(help="The endpoint, which bears its model's name.")]
Number = Annotated[int | None, typer.Option("--version", min=1, help="A version's number; else the champion.")]


def test(ctx: typer.Context, endpoint: Endpoint, version: Number = None, as_json: AsJson = False) -> None:
    """Ask the running server a version's expected inputs; exit 1 where it answers otherwise than training did."""
    # start-up time: few commands speak HTTP
    from quarterdeck.scheduler.reaching import reach
    from quarterdeck.scheduler.service_ask import ask_version

    with opened(ctx) as console:
        server, wanted, expected = _target(console, endpoint, version)
        reached = reach(console.workspace, server)
    tested = ask_version(reached, wanted.model, wanted.number, expected)
    if as_json:
        print_json({"passed": not tested.differences, **_plain(tested)})
    else:
        rows = [(item.row, item.what, _cell(item.expected), _cell(item.served), item.by) for item in tested.differences]
        same = f"{wanted.reference} answers {tested.rows} rows as its training engine did."
        print_table(("row", "what", "expected", "served", "relative difference"), rows, empty=same)
        if rows:
            print(f"{wanted.reference} answers {tested.differing} of {tested.rows} rows otherwise", file=sys.stderr)
    if tested.differences:
        raise typer.Exit(1)


def expect(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="MODEL@N", help="The version, as flights@3.")],
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Make the expected inputs of a version that was registered before they were kept."""
    with opened(ctx) as console:
        version, made = acts.keep_expected(console, reference, reason=reason or "expected inputs of before")
        expected = load_expected(_artifacts(console), version)
    if as_json:
        print_json(
            {"version": version.reference, "expected": version.expected, "rows": len(expected.rows), "new": made}
        )
    else:
        print(f"{version.reference} has {len(expected.rows)} expected inputs{'' if made else ' already'}")


def load(
    ctx: typer.Context,
    endpoint: Endpoint,
    version: Number = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0.1, max=service_spec.MOST_RATE, help="Open loop: so many requests a second."),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option("--connections", min=1, max=service_spec.MOST_CONNECTIONS,
                     help="Closed loop: so many, each asks again when it is answered; 16 without --rate."),
    ] = None,
    duration: Annotated[str, typer.Option("--duration", help="How long it is measured, after the ramp.")] = "10s",
    ramp: Annotated[str, typer.Option("--ramp", help="Until all of the load is there.")] = "3s",
    rows: Annotated[int, typer.Option("--rows", min=1, max=service_spec.MOST_ROWS, help="Rows of a request.")] = 1,
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=service_spec.MOST_PROCESSES, help="That send.")
    ] = 2,
    p99_ms: Annotated[
        float, typer.Option("--p99-ms", min=0.001, help="Gate: the 99th percentile of latency, at most.")
    ] = service_spec.P99_MS,
    error_rate: Annotated[
        float, typer.Option("--error-rate", min=0.0, max=1.0, help="Gate: the share of failed requests, at most.")
    ] = service_spec.ERROR_RATE,
    min_qps: Annotated[
        float | None, typer.Option("--min-qps", min=0.001, help="Gate: answers a second, at least.")
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Drive an endpoint of the workspace's server and judge its latency, errors and rate; exit 1 where a gate fails."""
    if rate is not None and connections is not None:
        raise UsageError("--rate and --connections are both given", hint="give one of them")
    spec = LoadSpec(
        rate=rate, connections=None if rate is not None else connections or 16,
        duration=parse_duration(duration), ramp=parse_duration(ramp), rows=rows, processes=processes,
        p99_ms=p99_ms, error_rate=error_rate, min_qps=min_qps,
    )  # fmt: skip
    _check_length(spec)
    with opened(ctx) as console:
        server, wanted, expected = _target(console, endpoint, version)
        workspace = console.workspace
    report = _drive(workspace, server, wanted, expected, spec, as_json=as_json)
    result = judge_load(spec, report)
    if as_json:
        verdict = {"outcome": result.outcome, "reason": result.reason, "measures": result.measures}
        print_json(
            {"endpoint": wanted.model, "version": wanted.number, "load": spec, **report.to_json(), "gate": verdict}
        )
    else:
        _print_report(wanted, report, result)
    if report.interrupted:
        raise KeyboardInterrupt
    if result.outcome is not LookOutcome.PASS:
        raise typer.Exit(1)


def _check_length(spec: LoadSpec) -> None:
    if not spec.duration:
        raise UsageError("--duration is zero", hint="such as 10s")
    if max(spec.duration, spec.ramp) > service_spec.LONGEST:
        raise UsageError("--duration and --ramp are at most 10m each")


def _target(console: Console, endpoint: str, number: int | None) -> tuple[Service, Version, Expected]:
    """The workspace's own server, the version that is asked, and what is expected of it."""
    model = parse_reference(endpoint).model
    with console.database.read() as tx:
        version = registry.resolve(tx, Reference(model=model, version=number), console.environment)
        expected = load_expected(_artifacts(console), version)
        return services.running_server(tx), version, expected


def _artifacts(console: Console) -> ArtifactStore:
    return ArtifactStore(str(console.settings.artifacts_url or console.workspace.artifacts))


def _drive(
    workspace: Workspace, server: Service, version: Version, expected: Expected, spec: LoadSpec, *, as_json: bool
) -> LoadReport:
    """The report; after ctrl+c, of what was counted until then."""
    from quarterdeck.scheduler.load import LoadRun

    with LoadRun(workspace, server, version.model, version.number, expected, spec) as run:
        try:
            with _progress(quiet=as_json) as show:
                return run.run(show)
        except KeyboardInterrupt:
            return run.stop()


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[LoadProgress], None]]:
    """A bar in a terminal; otherwise nothing until the end."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    # start-up time: only a terminal needs it
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as bars:
        bar = bars.add_task("starting", total=1.0)

        def show(at: LoadProgress) -> None:
            said = f"{at.done:,} requests, {at.errors:,} errors"
            bars.update(bar, completed=at.elapsed, total=at.seconds, description=said)

        yield show


def _print_report(version: Version, report: LoadReport, result: LookResult) -> None:
    found = report.to_json()
    print_fields([
        ("version", version.reference),
        ("answered", f"{report.answered:,} in {report.seconds:.1f} s"),
        ("QPS", "-" if report.qps is None else f"{report.qps:,.1f}"),
        *((name, "-" if value is None else f"{value:.2f} ms") for name, value in found["latency_ms"].items()),
        ("errors", f"{report.failed:,}"),
        *((f"  {count:,}", kind) for kind, count in report.errors.items()),
        ("senders", f"{report.busy:.0%} of a core, {report.lag_ms:.2f} ms late by themselves"),
        ("gate", f"{result.outcome.upper()}: {result.reason}"),
    ])  # fmt: skip


def _plain(tested: Any) -> dict[str, Any]:
    names = ("endpoint", "version", "rows", "differing", "differences")
    return {name: getattr(tested, name) for name in names}


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


COMMANDS = {"test": test, "load": load, "expect": expect}
