"""Measures a pipeline's KPIs for a live comparison or a monitored window: the process that the user's functions run in.

    python -m quarterdeck.scheduler.kpi_child < request.json > answer.json

The request: {"manifest": path, "paired": bool, "champion": {...}, "challenger": {...}}, each with "y_true", "y_pred"
and "inputs" (texts of JSON); or {"manifest": path, "window": {...}} for one window of one version. The answer:
{"kpis": [...]} or {"problem": text}. What the functions print goes to stderr. It ends by itself after `LIMIT_S`, also
if whoever started it has died.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quarterdeck.core.duel_kpis import KpiRows, measure
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.performance.kpi import figure
from quarterdeck.core.pipeline.kpis import load_kpis

LIMIT_S = 30
MEMORY_BYTES = 4 << 30


def main() -> None:
    # a second descriptor for the answer: what user code prints must not mix with it
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.alarm(LIMIT_S)  # no handler: the signal ends the process, whatever it is in
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    request = json.load(sys.stdin)
    found: dict[str, Any]
    try:
        found = {"kpis": _measure(request)}
    except QuarterdeckError as error:
        found = {"problem": str(error)}
    json.dump(found, answer_to, allow_nan=False)
    answer_to.close()


def _measure(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    kpis = load_kpis(read_manifest(Path(request["manifest"])))
    with_rows = any(kpi.takes_rows for kpi in kpis.values())
    if "window" in request:
        given = _rows(request["window"], with_rows)
        return [figure(name, kpi, given.y_true, given.y_pred, given.rows).to_json() for name, kpi in kpis.items()]
    ours, theirs = (_rows(request[name], with_rows) for name in ("champion", "challenger"))
    return [measure(name, kpi, ours, theirs, paired=request["paired"]).to_json() for name, kpi in kpis.items()]


def _rows(given: Mapping[str, Any], with_rows: bool) -> KpiRows:
    return KpiRows(y_true=given["y_true"], y_pred=given["y_pred"], rows=_frame(given["inputs"]) if with_rows else None)


def _frame(inputs: list[str]) -> Any:
    import polars as pl  # start-up time: few KPIs take the rows

    return pl.DataFrame([json.loads(text) if text else {} for text in inputs], infer_schema_length=None)


if __name__ == "__main__":
    main()
