"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, in base64 behind "v1,".

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from quarterdeck.core.errors import RefusedError

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a secret, as the specification asks for


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The secrets in a text, separated by white space: while one is changed, both sign. Nothing of them is said.

    RefusedError for what is no secret: "whsec_" and base64 of 24 to 64 bytes.
    """
    found = tuple(_secret(word) for word in text.split())
    if not found:
        raise RefusedError("the secret is empty", hint=_HINT)
    return found


_HINT = f'make one: echo "{PREFIX}$(openssl rand -base64 32)"'


def _secret(word: str) -> bytes:
    if not word.startswith(PREFIX):
        raise RefusedError(f"the secret does not begin with {PREFIX}", hint=_HINT)
    try:
        key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
    except ValueError:  # no base64, or not even ASCII
        raise RefusedError(f"the secret behind {PREFIX} is not base64", hint=_HINT) from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise RefusedError(f"the secret has {len(key)} bytes, not {SHORTEST} to {LONGEST}", hint=_HINT)
    return key


def sign(secrets: Sequence[bytes], *, message_id: str, timestamp: int | str, body: bytes) -> str:
    """The value of `webhook-signature`: one signature for each secret, separated by spaces.

    `timestamp`: seconds since 1970; of a call that came, the header's own characters.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
