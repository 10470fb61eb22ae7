"""The real daemon: a run that fails is an alert, and a receiver outside hears of both, and of the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.state import State

MANIFEST = """
[pipeline]
name = "tiny"
task = "regression"
target = "y"
[steps.rows]
[steps.model]
uses = "fit"
inputs = { split = "rows" }
with = { estimator = "sklearn.linear_model.Ridge" }
"""


@pytest.fixture
def folder(state: State, outside: Any) -> Iterator[Path]:
    folder = state.workspace.pipelines_folder / "tiny"
    folder.mkdir()
    (folder / "pipeline.toml").write_text(MANIFEST)
    (folder / "steps.py").write_text("def rows():\n    raise ValueError('no rows today')\n")
    state.workspace.settings_file.write_text(
        "[server]\nport = 0\nprocesses = 1\n[daemon]\ntick_seconds = 0.05\n"
        f'[[notifications]]\nname = "oncall"\nurl = "{outside.url}"\nseverity = "warning"\n'
    )
    control.start_daemon(state.workspace, state.database)
    yield folder
    control.stop_daemon(state.database)
    for kind in ServiceKind:
        left = control.find(state.database, kind)
        if left is not None:
            psutil.Process(left.pid).kill()


@pytest.mark.usefixtures("folder")
@pytest.mark.slow
def test_a_failed_run_reaches_the_receiver_as_an_event_and_as_an_alert(state: State, outside: Any) -> None:
    foreground.queue(state.workspace, state.database, "tiny", by="ops")

    def heard() -> dict[str, Any]:
        return {got.event["type"]: got.event for got in outside.got}

    wanted = {"quarterdeck.run.failed", "quarterdeck.alert.opened"}
    control.wait_until(lambda: wanted <= set(heard()), what="both messages", patience=90.0)
    failed, opened = (heard()[name] for name in sorted(wanted, reverse=True))
    assert "no rows today" in failed["data"]["error"] and failed["data"]["requested_by"] == "ops"
    assert opened["subject"] == "tiny/run/runs" and opened["data"]["message"].startswith("run 1 failed")
