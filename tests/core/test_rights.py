"""Roles, rights, and whose they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.rights import (
    EVERYWHERE,
    Grant,
    Right,
    Role,
    Token,
    effective,
    is_token,
    least_role,
    person_of,
    refusal,
    rights_of,
)

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def grant(person: str, environment: str, role: Role) -> Grant:
    return Grant(person=person, environment=environment, role=role, gates=None, granted_by="root", granted_at=NOW)


def test_each_role_may_what_the_ones_before_it_may() -> None:
    roles = list(Role)
    for less, more in pairwise(roles):
        assert rights_of(less) < rights_of(more)
    assert rights_of(Role.ADMIN) == frozenset(Right)
    assert rights_of(None) == frozenset()


def test_the_least_role_of_a_right_has_it_and_no_lesser_one_does() -> None:
    roles = list(Role)
    for right in Right:
        least = least_role(right)
        assert right in rights_of(least)
        assert all(right not in rights_of(role) for role in roles[: roles.index(least)])


@given(
    st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["a", "b", EVERYWHERE]), st.sampled_from(Role)))
)
def test_an_environments_own_role_counts_before_the_one_for_everywhere(rows: list[tuple[str, str, Role]]) -> None:
    grants = [grant(*row) for row in {(person, place): (person, place, role) for person, place, role in rows}.values()]
    found = effective(grants, "ann", "a")
    own = [item for item in grants if item.person == "ann" and item.environment == "a"]
    everywhere = [item for item in grants if item.person == "ann" and item.environment == EVERYWHERE]
    assert found == next(iter(own or everywhere), None)


def test_a_refusal_says_which_right_is_missing_and_who_has_it() -> None:
    error = refusal(Right.FORCE, person="ann", role=Role.APPROVER, environment="production", holders=["bob", "root"])
    assert error.message == 'ann is approver in production, and may not "promote past a gate"'
    assert error.hint == "that takes operator; in production that is bob, root"
    nobody = refusal(Right.LABEL, person="eve", role=None, environment="test", holders=[])
    assert "has no role" in nobody.message and "that is nobody" in (nobody.hint or "")


def test_a_person_is_the_same_through_every_account_and_a_token_is_none() -> None:
    assert person_of("alice as quarterdeck") == person_of("alice") == "alice"
    assert is_token("token:ci") and not is_token("alice")


def test_a_token_expires_at_its_time_and_revoked_is_said_first() -> None:
    token = Token(name="ci", created_by="root", created_at=NOW, expires_at=NOW + timedelta(days=1), revoked_at=None)
    assert token.actor == "token:ci"
    assert token.state(NOW + timedelta(hours=23)) == "valid"
    assert token.state(NOW + timedelta(days=1)) == "expired"
    gone = Token(name="ci", created_by="root", created_at=NOW, expires_at=NOW, revoked_at=NOW)
    assert gone.state(NOW) == "revoked"


def test_the_documentation_lists_every_role_with_what_it_adds() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    before: frozenset[Right] = frozenset()
    expected = []
    for role in Role:
        adds = rights_of(role) - before
        expected.append((role.value, "; ".join(right.value for right in Right if right in adds)))
        before = rights_of(role)
    assert rows == expected
