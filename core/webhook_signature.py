"""Whether a call of a webhook is to be believed: signed as standard_webhooks.py signs, lately, with a secret of ours.

Several signatures may stand in the header, and several secrets may be ours, while one is being changed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quarterdeck.core.standard_webhooks import sign

TOLERANCE = timedelta(minutes=5)  # between the sender's clock and ours, either way
LONGEST_ID = 200
_ID = re.compile(r"[!-~]+")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedCall:
    """A call as it came: its three headers and the bytes of its body."""

    id: str
    timestamp: str
    signatures: str
    body: bytes


def refusal(call: SignedCall, secrets: Sequence[bytes], now: datetime) -> str | None:
    """Why a call is not to be believed, or None. Signatures are compared in constant time."""
    if not (call.id and call.timestamp and call.signatures):
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    if len(call.id) > LONGEST_ID or _ID.fullmatch(call.id) is None:
        return f"webhook-id is not 1 to {LONGEST_ID} printable characters"
    if _SECONDS.fullmatch(call.timestamp) is None:
        return "webhook-timestamp is not a number of seconds since 1970"
    ours = sign(secrets, message_id=call.id, timestamp=call.timestamp, body=call.body).encode().split()
    given = [part.encode() for part in call.signatures.split(" ")[:16]]
    if not any([hmac.compare_digest(expected, part) for expected in ours for part in given]):
        return "the signature does not fit"
    if abs(now - datetime.fromtimestamp(min(int(call.timestamp), 253_402_300_799), UTC)) > TOLERANCE:
        return "webhook-timestamp is more than 5 minutes from now"
    return None
