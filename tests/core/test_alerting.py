"""States of alerts: one table of transitions, and when a cause that comes back is the same alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from quarterdeck.core.alerting import CALM, TRANSITIONS, comes_back, told_after, transition, worse
from quarterdeck.core.errors import ConflictError
from quarterdeck.core.operations import Alert
from quarterdeck.core.values import AlertState, Severity

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALERT = Alert(
    id=4, model="m", kind="drift", subject="features", state=AlertState.RESOLVED, message="", opened_at=NOW,
    last_at=NOW, event_at=None, count=1, evidence={}, acknowledged_by=None, resolved_at=NOW,
)  # fmt: skip


def test_every_state_is_in_the_table_and_none_is_a_dead_end() -> None:
    assert set(TRANSITIONS) == set(AlertState)
    assert all(TRANSITIONS.values())


@pytest.mark.parametrize(("state", "to"), list(product(AlertState, AlertState)))
def test_a_transition_is_what_the_table_says_or_a_conflict(state: AlertState, to: AlertState) -> None:
    alert = replace(ALERT, state=state)
    if to in TRANSITIONS[state]:
        assert transition(alert, to) is to
    else:
        with pytest.raises(ConflictError, match="alert 4 is"):
            transition(alert, to)


def test_a_cause_comes_back_within_a_while_of_the_wall_clock() -> None:
    assert comes_back(ALERT, now=NOW + HOUR, event_at=None, within=HOUR)
    assert not comes_back(ALERT, now=NOW + HOUR + timedelta(seconds=1), event_at=None, within=HOUR)


def test_where_the_data_has_a_time_a_replay_of_months_is_not_one_alert() -> None:
    before = replace(ALERT, event_at=NOW - 60 * 24 * HOUR)
    assert not comes_back(before, now=NOW, event_at=NOW, within=HOUR)
    assert comes_back(before, now=NOW + 1_000 * HOUR, event_at=before.event_at, within=HOUR)


def test_only_an_alert_that_flaps_keeps_back_that_it_is_resolved() -> None:
    assert told_after(ALERT) == timedelta(0)
    assert told_after(replace(ALERT, flaps=1)) == CALM


def test_severities_have_an_order() -> None:
    assert worse(Severity.CRITICAL, Severity.WARNING) and worse(Severity.WARNING, Severity.INFO)
    assert not worse(Severity.WARNING, Severity.WARNING)
