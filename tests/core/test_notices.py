"""Waits between tries, CloudEvents, and signatures as the specification and our documentation have them."""

from __future__ import annotations

import re
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import ConflictError, RefusedError
from quarterdeck.core.notices import (
    FIRST_WAIT,
    LONGEST_ASKED,
    LONGEST_WAIT,
    TRANSITIONS,
    Delivery,
    DeliveryState,
    Event,
    cloud_event,
    transition,
    wait_before,
)
from quarterdeck.core.standard_webhooks import read_secrets, sign
from quarterdeck.core.values import Severity

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DOCS = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()


def documented_verify() -> Any:
    """The function as the documentation has it."""
    (block,) = re.findall(r"(?:^    .*\n|^\n)+", DOCS[DOCS.index("    import base64, hashlib") :], re.M)[:1]
    scope: dict[str, Any] = {}
    exec(textwrap.dedent(block), scope)  # noqa: S102  # our own documentation
    return scope["verify"]


def test_the_signature_is_that_of_the_specifications_own_example() -> None:
    found = sign(
        read_secrets(SECRET), message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )  # fmt: skip
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=200))
def test_the_documented_function_takes_what_is_ours_and_nothing_else(body: bytes) -> None:
    verify, now = documented_verify(), int(time.time())
    headers = {"webhook-id": "a", "webhook-timestamp": str(now)}
    headers["webhook-signature"] = sign(read_secrets(SECRET), message_id="a", timestamp=now, body=body)
    assert verify(SECRET, headers, body)
    assert not verify(SECRET, headers, body + b" ")
    assert not verify(SECRET, headers | {"webhook-id": "b"}, body)
    assert not verify(SECRET, headers | {"webhook-timestamp": str(now - 301)}, body)
    assert not verify("whsec_" + "A" * 32, headers, body)


def test_while_a_secret_is_changed_both_sign() -> None:
    other = "whsec_" + "B" * 32
    found = sign(read_secrets(f"{SECRET}\n{other}"), message_id="a", timestamp=1, body=b"")
    alone = [sign(read_secrets(one), message_id="a", timestamp=1, body=b"") for one in (SECRET, other)]
    assert found.split() == alone


@pytest.mark.parametrize("text", ["", "hush-hush", "whsec_hush!", "whsec_" + "A" * 8, "whsec_" + "A" * 100])
def test_what_is_no_secret_is_refused_without_saying_it(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_secrets(text)
    assert text == "" or text.removeprefix("whsec_") not in str(caught.value)


@given(st.integers(1, 60), st.floats(0, 0.999))
def test_waits_grow_and_are_bounded(attempt: int, chance: float) -> None:
    wait = wait_before(attempt, asked=None, chance=chance)
    assert FIRST_WAIT / 2 <= wait <= LONGEST_WAIT
    assert wait <= wait_before(attempt + 1, asked=None, chance=chance)


def test_what_a_receiver_asks_for_is_kept_up_to_a_day() -> None:
    assert wait_before(1, asked=timedelta(minutes=2), chance=0.5) == timedelta(minutes=2)
    assert wait_before(1, asked=timedelta(days=300), chance=0.5) == LONGEST_ASKED
    assert wait_before(5, asked=timedelta(seconds=1), chance=0.0) > timedelta(minutes=1)


def test_the_default_tries_are_spread_over_about_a_day() -> None:
    waits = [wait_before(attempt, asked=None, chance=0.5) for attempt in range(1, 12)]
    assert timedelta(hours=12) < sum(waits, timedelta()) < timedelta(hours=36)


def test_an_event_is_a_cloud_event_with_all_that_is_required() -> None:
    event = Event(
        id=1, event_id="e-1", type="alert.opened", subject="m/drift/features", at=NOW, model="m", kind="drift",
        severity=Severity.CRITICAL, data={"alert": 7},
    )  # fmt: skip
    assert cloud_event(event, source="/quarterdeck/w/production") == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/quarterdeck/w/production",
        "type": "quarterdeck.alert.opened",
        "subject": "m/drift/features",
        "time": "2026-03-01T12:00:00.000000Z",
        "datacontenttype": "application/json",
        "data": {"severity": "critical", "model": "m", "kind": "drift", "alert": 7},
    }


def test_what_was_taken_is_sent_no_more() -> None:
    assert set(TRANSITIONS) == set(DeliveryState) and not TRANSITIONS[DeliveryState.SENT]
    sent = Delivery(
        id=3, notification_id=1, receiver="a", state=DeliveryState.SENT, attempts=1, due_at=NOW, created_at=NOW,
        tried_at=NOW, status=200, said="",
    )  # fmt: skip
    with pytest.raises(ConflictError, match="notification 3 is sent"):
        transition(sent, DeliveryState.PENDING)
