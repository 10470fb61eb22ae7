"""Acts on runs of pipelines."""

from __future__ import annotations

from quarterdeck.console.acts.guard import checked_reason, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.rights import Right
from quarterdeck.core.runs import Run
from quarterdeck.core.values import TriggerKind
from quarterdeck.store import runs
from quarterdeck.store.workspace import load_manifest


def request_run(console: Console, pipeline: str, *, reason: str = "") -> Run:
    """Queue a run of a pipeline as its manifest stands now; the store may not have seen it before."""
    # start-up time: the timetable's library is loaded where a run is asked for
    from quarterdeck.scheduler.manifests import sync

    with permitted(console, Right.OPERATE, act="run", subject=pipeline) as tx:
        now = utc_now()
        sync(tx, load_manifest(console.workspace, pipeline), now)
        cause = {"kind": TriggerKind.MANUAL.value, "reason": checked_reason(reason)}
        return runs.request(tx, pipeline, by=console.actor, cause=cause, now=now)


def cancel_run(console: Console, run_id: int) -> Run:
    with permitted(console, Right.OPERATE, act="cancel_run", subject=f"run {run_id}") as tx:
        return runs.ask_cancel(tx, run_id, now=utc_now())


def resume_run(console: Console, run_id: int) -> Run:
    """Queue a failed or cancelled run again; finished steps are taken from the cache."""
    with permitted(console, Right.OPERATE, act="resume_run", subject=f"run {run_id}") as tx:
        return runs.requeue(tx, run_id, reason=f"resumed by {console.actor}")
