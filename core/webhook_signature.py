"""Who calls a webhook: signatures as Standard Webhooks has them (standardwebhooks.com), symmetric, version v1.

The sender signs `{webhook-id}.{webhook-timestamp}.{body}` with HMAC-SHA256 and a secret `whsec_...`; several signatures
may stand in the header, separated by spaces, while a secret is being changed. Loads without any library.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quarterdeck.core.errors import RefusedError

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)  # between the sender's clock and ours, either way
LONGEST_ID = 200
_SHORTEST, _LONGEST = 24, 64  # bytes of a secret
_ID = re.compile(r"[!-~]+")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedCall:
    """A call as it came: its three headers and the bytes of its body."""

    id: str
    timestamp: str
    signatures: str
    body: bytes


def secret_bytes(text: str) -> bytes:
    """The key in a secret `whsec_<base64>`; RefusedError, without the secret in it, for another text."""
    hint = f"{PREFIX} and base64 of {_SHORTEST} to {_LONGEST} random bytes"
    if not text.startswith(PREFIX):
        raise RefusedError(f"the webhook's secret does not begin with {PREFIX}", hint=hint)
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("the webhook's secret is not base64", hint=hint) from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise RefusedError(f"the webhook's secret has {len(key)} bytes", hint=hint)
    return key


def sign(key: bytes, *, id: str, timestamp: str, body: bytes) -> str:
    """The signature of a call, as the header has it."""
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def refusal(call: SignedCall, key: bytes, now: datetime) -> str | None:
    """Why a call is not to be believed, or None. Signatures are compared in constant time."""
    if not (call.id and call.timestamp and call.signatures):
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    if len(call.id) > LONGEST_ID or _ID.fullmatch(call.id) is None:
        return f"webhook-id is not 1 to {LONGEST_ID} printable characters"
    if _SECONDS.fullmatch(call.timestamp) is None:
        return "webhook-timestamp is not a number of seconds since 1970"
    expected = sign(key, id=call.id, timestamp=call.timestamp, body=call.body).encode()
    given = (part.encode() for part in call.signatures.split(" ")[:16])
    if not any([hmac.compare_digest(expected, part) for part in given]):
        return "the signature does not fit"
    if abs(now - datetime.fromtimestamp(min(int(call.timestamp), 253_402_300_799), UTC)) > TOLERANCE:
        return "webhook-timestamp is more than 5 minutes from now"
    return None
