"""Signed calls: the example of the Standard Webhooks specification, and everything that is near it and wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.standard_webhooks import read_secrets, sign
from quarterdeck.core.webhook_signature import SignedCall, refusal

# of the reference implementations' own tests
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # published
CALL = SignedCall(
    id="msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp="1614265330",
    signatures="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    body=b'{"test": 2432232314}',
)
AT = datetime.fromtimestamp(1614265330, UTC)
KEY = read_secrets(SECRET)


def test_the_specifications_own_example_is_believed() -> None:
    assert sign(KEY, message_id=CALL.id, timestamp=CALL.timestamp, body=CALL.body) == CALL.signatures
    assert refusal(CALL, KEY, AT) is None


def test_while_a_secret_is_changed_either_of_the_two_is_believed() -> None:
    other = read_secrets("whsec_" + "B" * 32)
    assert refusal(CALL, (*other, *KEY), AT) is None
    assert "does not fit" in (refusal(CALL, other, AT) or "")


def test_one_of_several_signatures_is_enough() -> None:
    assert refusal(replace(CALL, signatures=f"v1,AAAA v2,x {CALL.signatures}"), KEY, AT) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"body": b'{"test": 2432232315}'}, "does not fit"),
        ({"id": "msg_other"}, "does not fit"),
        ({"timestamp": "1614265331"}, "does not fit"),
        ({"signatures": "v1,AAAA"}, "does not fit"),
        ({"signatures": CALL.signatures.replace("v1", "v2")}, "does not fit"),
        ({"signatures": ""}, "missing"),
        ({"id": ""}, "missing"),
        ({"timestamp": "now"}, "not a number"),
        ({"timestamp": "-5"}, "not a number"),
        ({"id": "a" * 201}, "printable"),
        ({"id": "a b"}, "printable"),
        ({"id": "ä"}, "printable"),
        ({"signatures": "v1,ä"}, "does not fit"),
    ],
)
def test_what_was_changed_on_the_way_is_refused(changes: dict[str, object], says: str) -> None:
    assert says in (refusal(replace(CALL, **changes), KEY, AT) or "")  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_a_call_is_believed_five_minutes_long_and_no_longer(seconds: int) -> None:
    assert "5 minutes" in (refusal(CALL, KEY, AT + timedelta(seconds=seconds)) or "")
    assert refusal(CALL, KEY, AT + timedelta(seconds=300)) is None
    assert refusal(CALL, KEY, AT - timedelta(seconds=300)) is None


def test_a_time_beyond_the_calendar_is_refused_like_any_other() -> None:
    far = replace(CALL, timestamp="999999999999")
    far = replace(far, signatures=sign(KEY, message_id=far.id, timestamp=far.timestamp, body=far.body))
    assert "5 minutes" in (refusal(far, KEY, AT) or "")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_only_the_body_that_was_signed_fits(body: bytes, other: bytes) -> None:
    call = replace(CALL, body=body, signatures=sign(KEY, message_id=CALL.id, timestamp=CALL.timestamp, body=body))
    assert refusal(call, KEY, AT) is None
    assert (refusal(replace(call, body=other), KEY, AT) is None) == (body == other)


@pytest.mark.parametrize("text", ["", "abc", "whsec_", "whsec_!!!!", "whsec_AAAA", "whsec_ä", "whsec_" + "A" * 200])
def test_a_secret_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_secrets(text)
    assert len(text) < 8 or text.removeprefix("whsec_") not in str(caught.value)
