"""The duel's verdict loads without numpy and survives JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from quarterdeck.core.duel import DuelVerdict, Mode
from quarterdeck.core.values import Decision


@pytest.mark.parametrize("interval", [None, (-0.2, 0.1)])
def test_a_verdict_survives_json(interval: tuple[float, float] | None) -> None:
    verdict = DuelVerdict(
        decision=Decision.HOLD,
        n=300,
        loss="brier_score_loss",
        champion={"roc_auc_score": 0.7},
        challenger={"roc_auc_score": 0.71},
        difference=-0.001,
        interval=interval,
        p_value=0.4,
        e_value=2.5,
        needed=20.0,
        rows_needed=None,
        reasons=("a", "b"),
    )
    assert DuelVerdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict


def test_a_verdict_that_was_written_before_it_held_more_than_the_loss_is_read() -> None:
    old = {
        "decision": "hold", "n": 1, "loss": "log_loss", "champion": {}, "challenger": {}, "difference": -0.1,
        "interval": [-0.2, 0.1], "p_value": 1.0, "e_value": 1.0, "needed": 20.0, "rows_needed": 5, "reasons": ["a"],
    }  # fmt: skip
    found = DuelVerdict.from_json(old)
    assert (found.mode, found.kpis, found.slices, found.champion_side) == (Mode.PAIRED, (), (), None)
    assert (found.interval, found.reasons, found.spent) == ((-0.2, 0.1), ("a",), False)


@pytest.mark.parametrize(
    "module", ["duel", "gates", "registry", "ledger", "ids", "triggers", "prediction", "drift.verdict"]
)
def test_the_values_and_rules_load_without_numpy(module: str) -> None:
    heavy = "[m for m in ('numpy', 'scipy', 'sklearn') if m in sys.modules]"
    code = f"import sys, quarterdeck.core.{module}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
