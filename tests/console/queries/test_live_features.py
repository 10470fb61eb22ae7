"""What the Live screen shows of a feature: a bar is a distance, so a test is shown by the PSI beside it."""

from __future__ import annotations

from dataclasses import replace

from quarterdeck.console.context import Console
from quarterdeck.console.queries import live
from quarterdeck.console.queries.questions import AskLive
from quarterdeck.core.clock import utc_now
from quarterdeck.core.drift.verdict import PValue, decide_test
from quarterdeck.store import windows


def test_a_test_is_shown_by_its_psi_and_keeps_its_own_verdict(console: Console) -> None:
    with console.database.write() as tx:
        last = windows.last(tx, "flights", limit=1)[0]
        found = decide_test(
            feature="carrier", method="chi_square", found=PValue(statistic=40.0, p_value=1e-6), q_value=1e-5,
            alpha=0.05, n_reference=900, n_window=400, psi=0.12, psi_noise=0.05,
        )  # fmt: skip
        windows.put(tx, replace(last, drift=[found.to_json()], drifted=1))
    with console.database.read() as tx:
        shown = live.screen(tx, console.environment, AskLive(model="flights"), {}, utc_now(), 10.0)
    [row] = shown.features
    assert (row.method, row.value, row.threshold, row.drifted) == ("psi (chi_square)", 0.12, 0.25, True)
    assert row.trend[-1] == 0.12
