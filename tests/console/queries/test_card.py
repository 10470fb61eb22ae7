"""The card that the store's records make, and what the registry screen is told of an evaluation."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.queries import registry as registry_query
from quarterdeck.console.queries.answer import Reader
from quarterdeck.console.queries.card import card_of, facts_of, load_evaluation
from quarterdeck.console.queries.questions import AskRegistry
from quarterdeck.console.queries.values import Registry
from quarterdeck.core.card_markdown import to_markdown
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import EVERYWHERE, Role
from quarterdeck.core.values import ModelKind
from quarterdeck.store import approvals, promotion, registry, rights

HERE = "production"


def audit(actor: str = "ops", reason: str = "it is good") -> Audit:
    return Audit(actor=actor, environment=HERE, at=utc_now(), reason=reason)


def markdown(console: Console, reference: str) -> str:
    return to_markdown(card_of(console, reference)[1])


def test_the_card_has_figures_champion_slices_gates_and_history(console: Console) -> None:
    text = markdown(console, "flights@4")
    assert "the champion was version 2" in text and "| better |" in text
    assert "carrier = UA and dep_hour = 18 or more" in text
    assert "roc_auc_score at least 0.7" in text and "| challenge | daemon |" in text


def test_without_a_version_it_is_the_champions_card(console: Console) -> None:
    version, card = card_of(console, "flights")
    assert version.number == 2 and card.title == "Model card: flights@2"
    assert "no evaluation was kept with it" in to_markdown(card)
    with pytest.raises(NotFoundError):
        card_of(console, "nobody")


def test_a_card_tells_the_present_and_names_the_entry_of_the_ledger_it_is_of(console: Console) -> None:
    before = markdown(console, "flights@4")
    with console.database.write() as tx:
        promotion.promote(tx, "flights", 4, audit(reason="better | on delays"), saw_champion=2)
    after = markdown(console, "flights@4")
    assert "It is challenger" in before and "It is champion" in after
    assert before.splitlines()[2] != after.splitlines()[2]
    assert "better \\| on delays" in after
    assert "This version is the champion in production now" in after


def test_only_the_approvals_that_count_are_in_the_card(console: Console) -> None:
    with console.database.write() as tx:
        rights.ensure_first(tx, "ops", utc_now())
        rights.grant(tx, "ann", EVERYWHERE, Role.APPROVER, audit())
        approvals.approve(tx, registry.get(tx, "flights", 4), audit("ann", "looked at <b>everything</b>"))
    assert "| ann |" in markdown(console, "flights@4")
    assert "looked at \\<b\\>everything\\</b\\>" in markdown(console, "flights@4")
    with console.database.write() as tx:
        rights.revoke(tx, "ann", EVERYWHERE, audit())
    assert "Nobody has approved it" in markdown(console, "flights@4")


def test_a_pipeline_that_is_gone_is_told_by_the_store(console: Console) -> None:
    with_folder = markdown(console, "flights@4")
    shutil.rmtree(console.workspace.pipelines_folder / "flights")
    text = markdown(console, "flights@4")
    assert "folder cannot be read any more" in text and "folder cannot be read any more" not in with_folder
    assert "network-operations" in text


def test_an_evaluation_whose_bytes_are_lost_is_said_in_the_card(console: Console) -> None:
    with console.database.read() as tx:
        sha256 = registry.get(tx, "flights", 4).evaluation
    assert sha256 is not None and load_evaluation(console, sha256).rows == 6_012
    (console.workspace.artifacts / sha256[:2] / sha256[2:]).unlink()
    assert "its evaluation cannot be read" in markdown(console, "flights@4")


def test_an_imported_version_has_a_card_that_says_so(console: Console) -> None:
    with console.database.write() as tx:
        known = registry.get(tx, "flights", 2)
        origin = {"file": "late|er.onnx", "sha256": "ab" * 32}
        draft = replace(known, run_id=None, kind=ModelKind.ONNX, origin=origin, verdicts=())
        number = registry.register(tx, draft, audit()).number
    text = markdown(console, f"flights@{number}")
    assert "it was imported" in text and "late\\|er.onnx" in text


def test_the_registry_is_told_intervals_and_the_champion_on_the_same_rows(console: Console) -> None:
    reader = Reader(console)
    for _ in range(2):  # the second time from memory
        found = reader.look(AskRegistry(selected=("flights", 4)), utc_now()).answer
        assert isinstance(found, Registry) and found.detail is not None
        metric = found.detail.metrics[0]
        assert metric.interval == pytest.approx((0.7325, 0.7605))
        assert (metric.beside, found.detail.beside, found.detail.held_out) == (pytest.approx(0.741), 2, 6_012)
        assert found.detail.weak == ("carrier = UA and dep_hour = 18 or more",)
        assert (found.detail.kind, found.detail.origin) == ("scikit-learn", ())


def test_the_registry_still_answers_where_the_evaluation_is_lost(console: Console) -> None:
    shutil.rmtree(console.workspace.artifacts)
    found: Any = Reader(console).look(AskRegistry(selected=("flights", 4)), utc_now()).answer
    assert found.detail.held_out is None and found.detail.metrics[0].interval is None


def test_without_artifacts_at_hand_the_detail_is_what_the_database_says(console: Console) -> None:
    with console.database.read() as tx:
        found = registry_query.detail(tx, HERE, "flights", 4)
        assert facts_of(tx, console, registry.get(tx, "flights", 4)).run is not None
    assert found is not None and found.metrics[0].interval is None
