"""The duel's verdict loads without numpy and survives JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from quarterdeck.core.duel import DuelVerdict
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


@pytest.mark.parametrize(
    "module", ["duel", "gates", "registry", "ledger", "ids", "triggers", "prediction", "drift.verdict"]
)
def test_the_values_and_rules_load_without_numpy(module: str) -> None:
    heavy = "[m for m in ('numpy', 'scipy', 'sklearn') if m in sys.modules]"
    code = f"import sys, quarterdeck.core.{module}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
