"""Send one event to a webhook: CloudEvents 1.0 in JSON, signed as Standard Webhooks asks for.

No redirect is followed, and nothing of the answer is read but its status and what a failure says. A URL or a secret is
never logged nor part of what is said.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from quarterdeck.core.errors import QuarterdeckError, RefusedError, UnavailableError
from quarterdeck.core.notices import Outcome, Verdict
from quarterdeck.core.receivers import Receiver, is_loopback, url_problem
from quarterdeck.core.standard_webhooks import read_secrets, sign

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every URL

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
READ = 500  # bytes of an answer that says no
_AGAIN = (408, 425, 429)  # the receiver asks for another try; every 5xx does too


def send(receiver: Receiver, event: Mapping[str, Any], *, root: Path, now: datetime) -> Outcome:
    """Send it once. `root`: where relative paths begin. Whatever goes wrong is in the outcome."""
    try:
        url, secrets = _url(receiver, root), _secrets(receiver, root)
    except QuarterdeckError as error:  # it may be put right while it waits
        return Outcome(verdict=Verdict.AGAIN, said=str(error))
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    headers = {"content-type": CONTENT_TYPE, "user-agent": "quarterdeck"}
    headers |= _signed(secrets, str(event["id"]), int(now.timestamp()), body)
    try:
        with (
            httpx.Client(
                timeout=httpx.Timeout(receiver.timeout.total_seconds()),
                follow_redirects=False,
                trust_env=not is_loopback(httpx.URL(url).host),  # a proxy is for other machines
            ) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            return _outcome(answer, now)
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        return Outcome(verdict=Verdict.AGAIN, said=_words(error, url))


def _signed(secrets: tuple[bytes, ...], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    found = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        found["webhook-signature"] = sign(secrets, message_id=message_id, timestamp=timestamp, body=body)
    return found


def _outcome(answer: httpx.Response, now: datetime) -> Outcome:
    status = answer.status_code
    if 200 <= status < 300:
        return Outcome(verdict=Verdict.TAKEN, status=status)
    if 300 <= status < 400:
        return Outcome(verdict=Verdict.NEVER, status=status, said="it answers with a redirect, and none is followed")
    again = status in _AGAIN or status >= 500
    wait = retry_after(answer.headers.get("retry-after"), now) if again else None
    said = _beginning(answer)
    return Outcome(verdict=Verdict.AGAIN if again else Verdict.NEVER, status=status, said=said, wait=wait)


def _beginning(answer: httpx.Response) -> str:
    """The first bytes of what a receiver says to its no."""
    found = b""
    try:
        for chunk in answer.iter_raw(READ):
            found += chunk
            if len(found) >= READ:
                break
    except httpx.HTTPError:
        pass
    return found[:READ].decode(errors="replace").strip()


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """The header of that name: seconds, or a date; None for what is neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return timedelta(seconds=min(int(text.strip()[:9]), 10**8))
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta(0))


def _words(error: Exception, url: str) -> str:
    """What went wrong, without the URL."""
    said = str(error).replace(url, "the URL") or "no reason given"
    return f"{type(error).__name__}: {said}"[:READ]


def _url(receiver: Receiver, root: Path) -> str:
    if receiver.url is not None:
        return receiver.url
    url = _kept(receiver.url_env, receiver.url_file, root).strip()
    problem = url_problem(url, plain_http=receiver.plain_http)
    if problem is not None:
        raise RefusedError(f"the {receiver.place} {problem}")
    return url


def _secrets(receiver: Receiver, root: Path) -> tuple[bytes, ...]:
    if receiver.secret_env is None and receiver.secret_file is None:
        return ()
    return read_secrets(_kept(receiver.secret_env, receiver.secret_file, root))


def _kept(variable: str | None, file: str | None, root: Path) -> str:
    """What a variable of the environment holds, or a file that nobody else may read."""
    if variable is not None:
        found = os.environ.get(variable)
        if found is None:
            raise UnavailableError(f"${variable} is not set", hint="set it where the daemon is started")
        return found
    path = root / str(file)
    try:
        with path.open(encoding="utf-8") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                raise RefusedError("others may read it", where=str(path), hint=f"chmod 600 {path}")
            return opened.read(10_000)
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(f"cannot be read: {error}", where=str(path)) from error
