"""Two versions side by side, and which act can be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.console.queries.compare import compare
from quarterdeck.console.queries.undoing import last_undoable, taken_back
from quarterdeck.core.errors import RefusedError, UsageError
from quarterdeck.core.gates import judge_bound
from quarterdeck.core.models.signature import Field, FieldKind
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Direction, Outcome
from quarterdeck.store import ledger, registry

HERE = "production"


def version(console: Console, number: int) -> Version:
    with console.database.read() as tx:
        return registry.get(tx, "flights", number)


def test_each_metric_says_which_way_is_better_and_whose_is(console: Console) -> None:
    found = compare(version(console, 2), version(console, 4))
    auc, loss = found.metrics
    assert (auc.name, auc.direction, auc.better) == ("roc_auc_score", Direction.HIGHER, 4)
    assert (loss.name, loss.direction, loss.better) == ("log_loss", Direction.LOWER, 4)
    assert auc.difference == pytest.approx(0.7466 - 0.7410)
    back = compare(version(console, 4), version(console, 2))
    assert [item.better for item in back.metrics] == [4, 4]
    assert back.metrics[0].difference == pytest.approx(-(0.7466 - 0.7410))


def test_a_kpi_is_better_as_its_bound_says(console: Console) -> None:
    one, other = version(console, 2), version(console, 4)
    gate = judge_bound(metric="seats_filled", value=7.0, n=10, minimum=5.0)
    one = replace(one, metrics={"seats_filled": 7.0}, verdicts=(gate,))
    other = replace(other, metrics={"seats_filled": 6.0}, verdicts=())
    (metric,) = compare(one, other).metrics
    assert (metric.direction, metric.better) == (Direction.HIGHER, 2)


def test_what_is_equal_or_not_measured_is_nobodys(console: Console) -> None:
    one, other = version(console, 2), version(console, 4)
    one = replace(one, metrics={"roc_auc_score": 0.7, "log_loss": 0.4})
    other = replace(other, metrics={"roc_auc_score": 0.7, "f1_score": 0.2})
    found = compare(one, other).metrics
    assert [(item.name, item.better) for item in found] == [
        ("roc_auc_score", None), ("log_loss", None), ("f1_score", None),
    ]  # fmt: skip
    assert found[1].difference is None


def test_gates_of_both_are_listed(console: Console) -> None:
    found = {item.gate: (item.a, item.b) for item in compare(version(console, 3), version(console, 4)).gates}
    assert found["roc_auc_score not worse than champion by 0.005"] == (Outcome.FAIL, Outcome.PASS)


def test_only_what_differs_in_the_signature_is_told(console: Console) -> None:
    one, other = version(console, 2), version(console, 4)
    assert compare(one, other).signature == ()
    fields = list(other.signature.fields)
    at = other.signature.names.index("carrier")
    fields[at] = replace(fields[at], categories=("AA", "DL", "UA", "WN"))
    fields = [field for field in fields if field.name != "precip"] + [Field(name="snow", kind=FieldKind.NUMBER)]
    other = replace(other, signature=replace(other.signature, fields=tuple(fields)))
    found = {item.name: (item.a, item.b) for item in compare(one, other).signature}
    assert found == {
        "carrier": ("categories 3", "categories 4, with WN"),
        "precip": ("number", None),
        "snow": (None, "number"),
    }


def test_two_models_or_one_version_are_not_compared(console: Console) -> None:
    with pytest.raises(UsageError, match="itself"):
        compare(version(console, 2), version(console, 2))
    with pytest.raises(UsageError, match="two models"):
        compare(version(console, 2), replace(version(console, 4), model="fuel"))


def test_the_last_act_on_a_model_is_found_past_what_cannot_be_taken_back(console: Console) -> None:
    acts.rollback(console, "flights", reason="r")
    acts.approve(console, "flights@4", reason="r")
    with console.database.read() as tx:
        entry = last_undoable(tx, HERE, "flights")
        assert entry is not None and entry.act == "rollback"
        assert taken_back(tx, HERE, entry) == [("champion", "1", "2"), ("previous", "none", "1")]
        assert last_undoable(tx, "staging", "flights") is None
        (approval,) = ledger.entries(tx, act="approve")
        with pytest.raises(RefusedError, match="approve cannot be undone"):
            taken_back(tx, HERE, approval)
        with pytest.raises(RefusedError, match="is of production"):
            taken_back(tx, "staging", entry)
