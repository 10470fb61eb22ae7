"""Checks a version on the running server for a rollout: `python -m quarterdeck.scheduler.service_child`.

The order on stdin: {"workspace", "model", "version", "parent": who waits, "spec": [rollout.service] as JSON}. On stdout
its answer: {"outcome", "reason", "measures"}, as a look of a rollout. It ends by itself after limit_s(), and where its
parent has gone: then nobody waits for its answer, and another may drive the same server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from quarterdeck.core.errors import QuarterdeckError, UnavailableError
from quarterdeck.core.expected import Expected
from quarterdeck.core.load import judge_load
from quarterdeck.core.operations import Service
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout_looks import LookOutcome, LookResult, MeasureResult
from quarterdeck.core.service_spec import LoadSpec, ServiceSpec, service_of
from quarterdeck.scheduler.reaching import Reach, reach
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.store import registry, services
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.expected import load_expected
from quarterdeck.store.workspace import Workspace

AROUND_S = 120  # starting processes, loading the version, asking it its rows, the last answers
PARENT_S = 0.25
LOADED, ANSWERS = "loaded", "expected_answers"


def limit_s(spec: ServiceSpec) -> int:
    """The longest that a check takes."""
    driven = 0.0 if spec.load is None else (spec.load.ramp + spec.load.duration).total_seconds()
    return AROUND_S + int(driven)


def check_version(state: State, model: str, number: int, spec: ServiceSpec) -> LookResult:
    """Ask it its expected inputs, then drive it. What cannot be asked is an ERROR with the reason."""
    # httpx: whoever only asks for limit_s() does not need it
    from quarterdeck.scheduler.service_ask import wait_until_loaded

    try:
        with state.database.read() as tx:
            server, version = services.running_server(tx), registry.get(tx, model, number)
        place = str(state.settings.artifacts_url or state.workspace.artifacts)
        expected = load_expected(ArtifactStore(place), version)
        reached = reach(state.workspace, server)
        problem = wait_until_loaded(reached, model, number)
        if problem is not None:
            return _result([MeasureResult(measure=LOADED, value=None, n=0, outcome=LookOutcome.FAIL, reason=problem)])
        found = [_tested(reached, model, number, expected)] if spec.test else []
        if spec.load is not None and all(item.outcome is LookOutcome.PASS for item in found):
            found += _driven(state, server, version, expected, spec.load)
        return _result(found)
    except (QuarterdeckError, SQLAlchemyError, OSError) as error:
        return LookResult(outcome=LookOutcome.ERROR, reason=f"it could not be measured: {error}", measures=())


def _tested(server: Reach, model: str, number: int, expected: Expected) -> MeasureResult:
    from quarterdeck.scheduler.service_ask import ask_version  # as above

    tested = ask_version(server, model, number, expected)
    outcome, reason = LookOutcome.PASS, f"{tested.rows} expected inputs answered as in training"
    if tested.differences:
        first = tested.differences[0]
        outcome = LookOutcome.FAIL
        reason = (
            f"{tested.differing} of {tested.rows} expected inputs answered otherwise than in training, "
            f"row {first.row}: {first.what} {first.served!r} for {first.expected!r}"[:300]
        )
    return MeasureResult(measure=ANSWERS, value=float(tested.differing), n=tested.rows, outcome=outcome, reason=reason)


def _driven(state: State, server: Service, version: Version, expected: Expected, spec: LoadSpec) -> list[MeasureResult]:
    from quarterdeck.scheduler.load import LoadRun  # as above

    with LoadRun(state.workspace, server, version.model, version.number, expected, spec) as run:
        report = run.run()
    if report.interrupted:
        raise UnavailableError("the processes that sent were stopped")
    if report.failed and not services.is_alive(server):
        raise UnavailableError("the prediction server ended while it was driven", hint="see server.log")
    result = judge_load(spec, report)
    if result.measures:
        return list(result.measures)
    reason = f"{report.answered} requests answered, {report.failed} failed; no gate was asked for"
    return [MeasureResult(measure="load", value=report.qps, n=report.answered, outcome=result.outcome, reason=reason)]


def _result(measures: list[MeasureResult]) -> LookResult:
    """The worst speaks for all; what passed is not repeated beside it."""
    for outcome in (LookOutcome.FAIL, LookOutcome.ERROR, LookOutcome.HOLD):
        reasons = [item.reason for item in measures if item.outcome is outcome]
        if reasons:
            return LookResult(outcome=outcome, reason="; ".join(reasons), measures=tuple(measures))
    reason = "; ".join(item.reason for item in measures)
    return LookResult(outcome=LookOutcome.PASS, reason=reason, measures=tuple(measures))


def main() -> None:
    # a second descriptor for the answer: what libraries print must not mix with it
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order: dict[str, Any] = json.load(sys.stdin)
    spec = service_of(order["spec"])
    signal.alarm(limit_s(spec))  # no handler: the signal ends the process, whatever it is in
    threading.Thread(target=_end_with, args=(order["parent"],), daemon=True).start()
    with open_state(Workspace(root=Path(order["workspace"]))) as state:
        found = check_version(state, order["model"], order["version"], spec)
    said = {"outcome": found.outcome, "reason": found.reason, "measures": [item.to_json() for item in found.measures]}
    json.dump(said, answer_to, allow_nan=False)
    answer_to.close()


def _end_with(parent: int) -> None:
    """End this process when its parent has gone; the processes that send see that in turn."""
    gone = threading.Event()
    while os.getppid() == parent:
        gone.wait(PARENT_S)
    os._exit(1)


if __name__ == "__main__":
    main()
