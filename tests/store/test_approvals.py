"""Approvals in the store, and how many a manifest asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from quarterdeck.core.errors import ConflictError, NotAllowedError, NotFoundError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.registry import Version
from quarterdeck.core.rights import Role
from quarterdeck.store import approvals, ledger, registry, rights
from quarterdeck.store.engine import Database
from quarterdeck.store.workspace import Workspace

Register = Callable[..., Version]
HERE = "production"
MANIFEST = """\
[pipeline]
name = "flights"
task = "binary"
target = "late"
[steps.rows]
uses = "read_table"
with = { source = "rows.parquet" }
"""


def audit(now: datetime, actor: str) -> Audit:
    return Audit(actor=actor, environment=HERE, at=now, reason="it is good")


@pytest.fixture
def version(database: Database, register: Register, now: datetime) -> Version:
    """A version, and three people who may approve it."""
    with database.write() as tx:
        for person in ("ann", "bob", "cho"):
            rights.grant(tx, person, HERE, Role.APPROVER, audit(now, "root"))
    return register()


def test_two_people_are_two_and_one_person_is_one(database: Database, version: Version, now: datetime) -> None:
    with database.write() as tx:
        assert approvals.missing(tx, "flights", 1, HERE, 2) == 2
        approvals.approve(tx, version, audit(now, "ann as quarterdeck"))
        assert approvals.missing(tx, "flights", 1, HERE, 2) == 1
        with pytest.raises(ConflictError, match="ann has approved it already"):
            approvals.approve(tx, version, audit(now, "ann"))
        approvals.approve(tx, version, audit(now, "bob"))
        assert approvals.missing(tx, "flights", 1, HERE, 2) == 0
        assert approvals.refused(tx, "flights", 1, HERE, 2) is None
        assert approvals.missing(tx, "flights", 1, "staging", 1) == 1


def test_what_is_missing_is_said_with_who_may_give_it(database: Database, version: Version, now: datetime) -> None:
    with database.write() as tx:
        approvals.approve(tx, version, audit(now, "ann"))
        refusal = approvals.refused(tx, "flights", 1, HERE, 2)
    assert refusal is not None and "1 more approval" in refusal.message and "approved by ann" in refusal.message
    assert refusal.hint is not None and refusal.hint.endswith("bob, cho")


def test_an_approval_taken_back_counts_no_more(database: Database, version: Version, now: datetime) -> None:
    with database.write() as tx:
        approvals.approve(tx, version, audit(now, "ann"))
        with pytest.raises(NotFoundError, match="bob has not approved it"):
            approvals.withdraw(tx, version, audit(now, "bob"))
        approvals.withdraw(tx, version, audit(now, "ann"))
        assert approvals.missing(tx, "flights", 1, HERE, 1) == 1
        given, taken = ledger.entries(tx, act="approve")[0], ledger.entries(tx, act="unapprove")[0]
    assert (given.before, given.after) == ({"approved_by": []}, {"approved_by": ["ann"]})
    assert (taken.before, taken.after) == ({"approved_by": ["ann"]}, {"approved_by": []})


def test_the_approval_of_someone_who_lost_the_right_does_not_count(
    database: Database, version: Version, now: datetime
) -> None:
    with database.write() as tx:
        approvals.approve(tx, version, audit(now, "ann"))
        rights.grant(tx, "ann", HERE, Role.REVIEWER, audit(now, "root"))
        assert approvals.missing(tx, "flights", 1, HERE, 1) == 1
        assert approvals.valid(tx, "flights", 1, HERE) == []
        rights.grant(tx, "ann", HERE, Role.OPERATOR, audit(now, "root"))
        assert approvals.missing(tx, "flights", 1, HERE, 1) == 0


def test_tokens_and_retired_versions_are_refused(database: Database, version: Version, now: datetime) -> None:
    with database.write() as tx:
        with pytest.raises(NotAllowedError, match="approvals are by people"):
            approvals.approve(tx, version, audit(now, "token:ci"))
        with pytest.raises(RefusedError, match="retired"):
            approvals.approve(tx, registry.retire(tx, "flights", 1, audit(now, "root")), audit(now, "ann"))


def test_clearing_takes_everybodys_and_says_so(database: Database, version: Version, now: datetime) -> None:
    with database.write() as tx:
        approvals.approve(tx, version, audit(now, "ann"))
        approvals.approve(tx, version, audit(now, "bob"))
        approvals.clear(tx, "flights", 1, audit(now, "root"))
        approvals.clear(tx, "flights", 1, audit(now, "root"))
        (entry,) = ledger.entries(tx, act="unapprove")
        assert entry.before == {"approved_by": ["ann", "bob"]}
        assert approvals.approvals(tx, "flights", 1, HERE) == []


def workspace(root: Path, manifest: str | None) -> Workspace:
    folder = root / "pipelines" / "flights"
    folder.mkdir(parents=True)
    if manifest is not None:
        (folder / "pipeline.toml").write_text(manifest)
    return Workspace(root=root)


def test_the_manifest_says_how_many(tmp_path: Path, version: Version) -> None:
    assert approvals.needed(workspace(tmp_path / "a", MANIFEST), version) == 0
    assert approvals.needed(workspace(tmp_path / "b", MANIFEST + "[rollout]\napprovals = 2\n"), version) == 2


def test_a_rule_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path, version: Version) -> None:
    for name, manifest in (("a", MANIFEST + "[rollout]\napprovals = many\n"), ("b", "[pipeline]\n"), ("c", None)):
        with pytest.raises(RefusedError, match="cannot be told"):
            approvals.needed(workspace(tmp_path / name, manifest), version)


def test_an_imported_model_without_a_pipeline_needs_none(tmp_path: Path, version: Version) -> None:
    assert approvals.needed(workspace(tmp_path, None), replace(version, run_id=None)) == 0
