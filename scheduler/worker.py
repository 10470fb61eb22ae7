"""A worker: one process, one run. `python -m quarterdeck.scheduler.worker --workspace DIR [--run N]`.

Without `--run` it is warm: it loads the machine-learning libraries, waits for a run's number on its standard input,
and ends when that closes without one. After the number comes the token of the daemon's lease: a run that was handed out
by a daemon that does not act any more is left alone.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from sqlalchemy import Connection

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import ConflictError, LeaseLostError, QuarterdeckError
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler.logs import TextFormatter
from quarterdeck.scheduler.run_pulse import RunPulse
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.store import leases, registry, runs
from quarterdeck.store.services import process_started
from quarterdeck.store.workspace import find_workspace

log = logging.getLogger("quarterdeck.worker")


def main() -> int:
    parser = argparse.ArgumentParser(prog="quarterdeck worker", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--run", type=int)
    arguments = parser.parse_args()
    # loaded before a run is known: a warm worker exists to have paid for this already
    from quarterdeck.scheduler import execution

    run_id, token = (arguments.run, None) if arguments.run is not None else _wait_for_run()
    if run_id is None:
        return 0
    # a stop that comes while a run is under way raises where the run is, so that it ends as cancelled
    signal.signal(signal.SIGTERM, _interrupt)
    workspace = find_workspace(Path.cwd(), arguments.workspace)
    _log_to(workspace.logs / f"run-{run_id}.log")
    try:
        with open_state(workspace) as state:
            run = _claim(state, run_id, token)
            return 0 if run is None else _carry_out(state, run, execution.execute)
    except QuarterdeckError as error:
        log.error("%s", error)
        return error.exit_code


def _wait_for_run() -> tuple[int | None, int | None]:
    """The run's number, and the token of the lease of who handed it out."""
    numbers = [int(word) for word in sys.stdin.readline().split()]
    return (numbers[0] if numbers else None), (numbers[1] if len(numbers) > 1 else None)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _log_to(path: Path) -> None:
    """Everything that this process and the user's code print goes to the run's own log."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _claim(state: State, run_id: int, token: int | None) -> Run | None:
    """Take the run, or leave it if another worker has it, or another daemon acts than the one that handed it out."""
    pid = os.getpid()
    try:
        with state.database.write() as tx:
            if token is not None:
                leases.check(tx, leases.DAEMON, token)
            return runs.claim(
                tx,
                run_id,
                pid=pid,
                process_started=process_started(pid) or 0.0,
                now=utc_now(),
                place=leases.this_place(),
                seen=leases.store_clock(tx),
            )
    except ConflictError as error:
        log.info("%s", error)
        return None


def _carry_out(state: State, run: Run, execute: object) -> int:
    """The run, with every write checked: one that was taken from this worker is not written to."""
    fenced = replace(state, database=state.database.fenced(partial(runs.check_worker, claimed=run)))
    pulse = RunPulse(fenced.database, run)
    pulse.start()
    try:
        return _finish(fenced, run, execute)
    except LeaseLostError as error:
        log.error("%s", error)
        return error.exit_code
    finally:
        pulse.close()


def _finish(state: State, run: Run, execute: object) -> int:
    """Carry out the run and write how it ended."""
    assert callable(execute)
    log.info("run %s of %s, attempt %s", run.id, run.pipeline, run.attempt)
    try:
        version = execute(state, run)
    except KeyboardInterrupt:
        return _stopped(state, run)
    except LeaseLostError:
        raise
    except QuarterdeckError as error:
        log.error("%s", error)
        with state.database.write() as tx:
            runs.finish(tx, run.id, RunStatus.FAILED, now=utc_now(), error=str(error))
        return error.exit_code
    with state.database.write() as tx:
        made = _in_words(tx, run, version)
        runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=utc_now(), version=version, message=made)
    log.info(made)
    return 0


def _in_words(tx: Connection, run: Run, version: int | None) -> str:
    if version is None:
        return "finished"
    reference = f"{run.pipeline}@{version}"
    same = registry.get(tx, run.pipeline, version).run_id != run.id
    return f"unchanged: the same model as {reference}" if same else f"registered {reference}"


def _stopped(state: State, run: Run) -> int:
    """Cancelled by a person, or stopped with its daemon: then it goes back to the queue."""
    with state.database.write() as tx:
        if runs.get(tx, run.id).cancel_requested:
            runs.finish(tx, run.id, RunStatus.CANCELLED, now=utc_now(), message="cancelled")
        else:
            runs.requeue(tx, run.id, reason="its worker was stopped; goes on after its last finished step")
    log.warning("stopped")
    return 130


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # threads of a step that never ends must not keep the process
    os._exit(code)
