"""Who may ask: every answer of the guard, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.clients import Client, Rates
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.guard import ANYBODY, Guard

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
BEFORE = NOW - timedelta(hours=1)
LOCAL = "the workspace's own"


def client(name: str, *endpoints: str, until: datetime | None = LATER, **more: Any) -> Client:
    return Client(name=name, endpoints=frozenset(endpoints), until=until, **more)


CLIENTS = {
    "flights": client("ci", "flights"),
    "both": client("two", "flights", "fuel"),
    "all": client("every", "*"),
    "role": client("actor"),
    "late": client("late", "flights", until=BEFORE),
    "gone": client("gone", "*", revoked=True),
    "old": client("ci", "flights", until=BEFORE, replaced=True),
    "grace": client("ci", "flights", replaced=True),
    "slow": client("slow", "*", rates=Rates(requests=1, bytes=100)),
}


class Asked:
    """A request's head."""

    method = "POST"

    def __init__(self, path: str, authorization: str | None = None, length: int | None = None) -> None:
        self.path = path
        self._headers = {"authorization": authorization, "content-length": None if length is None else str(length)}

    @property
    def headers(self) -> Any:
        return self._headers


def guard(*, required: bool = True) -> Guard:
    made = Guard(required=required, local=LOCAL)
    made.replace({sha256(secret.encode()).hexdigest(): found for secret, found in CLIENTS.items()})
    return made


def ask(path: str, secret: str | None, *, required: bool = True) -> tuple[int, str, dict[str, str]]:
    """Status, message and headers of the guard's answer; 200 where it lets the request through."""
    try:
        guard(required=required).admit(Asked(path, None if secret is None else f"Bearer {secret}"))
    except QuarterdeckError as error:
        return error.http_status, error.message, dict(error.http_headers)
    return 200, "", {}


@pytest.mark.parametrize(
    ("path", "secret", "status"),
    [
        ("/predict/flights", "flights", 200),
        ("/predict/flights", "grace", 200),
        ("/predict/fuel", "both", 200),
        ("/predict/fuel", "flights", 403),
        ("/predict/", "flights", 403),
        ("/predict/flights/../fuel", "flights", 403),
        ("/predict/never", "all", 200),  # not found, later
        ("/predict/never", LOCAL, 200),
        ("/predict/flights", "role", 403),
        ("/predict/flights", None, 401),
        ("/predict/flights", "guessed", 401),
        ("/predict/flights", "late", 401),
        ("/predict/flights", "gone", 401),
        ("/predict/flights", "old", 401),
        ("/v2/models/flights/infer", "flights", 200),
        ("/v2/models/flights/versions/3/infer", "flights", 200),
        ("/v2/models/fuel/infer", "flights", 403),
        ("/v2/models/fuel", "flights", 403),
        ("/metrics", "flights", 403),
        ("/metrics", "all", 200),
        ("/metrics", None, 401),
        ("/", "flights", 200),
        ("/", "role", 403),
        ("/feedback", "flights", 200),
        ("/feedback", None, 401),
        ("/openapi.json", None, 401),
        ("/healthz", None, 200),
        ("/readyz", "guessed", 200),
        ("/v2/health/ready", "gone", 200),
    ],
)
def test_who_may_ask_what(path: str, secret: str | None, status: int) -> None:
    assert ask(path, secret)[0] == status


@pytest.mark.parametrize(
    ("secret", "says"),
    [("late", "late expired at"), ("gone", "gone is revoked"), ("old", "was replaced"), ("guessed", "not known")],
)
def test_a_token_that_counts_no_more_is_told_why(secret: str, says: str) -> None:
    status, message, headers = ask("/predict/flights", secret)
    assert status == 401 and says in message
    assert headers["www-authenticate"].startswith('Bearer realm="quarterdeck", error="invalid_token"')
    assert says in headers["www-authenticate"]
    assert f'"{secret}"' not in message + str(headers)  # a secret is in no answer


def test_without_a_token_the_answer_says_how_to_send_one() -> None:
    status, _, headers = ask("/predict/flights", None)
    assert (status, headers) == (401, {"www-authenticate": 'Bearer realm="quarterdeck"'})


@pytest.mark.parametrize("sent", ["Basic dTpw", "Bearer", "Bearer ", "flights", "", "Token flights", "Bearerflights"])
def test_another_kind_of_header_is_no_token(sent: str) -> None:
    with pytest.raises(QuarterdeckError) as caught:
        guard().admit(Asked("/predict/flights", sent))
    assert caught.value.http_status == 401


@given(st.text(max_size=100))
def test_no_header_breaks_the_guard_or_gets_past_it(sent: str) -> None:
    with pytest.raises(QuarterdeckError) as caught:
        guard().admit(Asked("/predict/flights", sent))
    assert caught.value.http_status == 401


def test_the_word_bearer_is_written_as_anybody_likes() -> None:
    assert guard().admit(Asked("/predict/flights", "bearer  flights ")).name == "ci"


def test_where_no_token_is_required_anybody_may_and_a_token_counts_all_the_same() -> None:
    assert guard(required=False).admit(Asked("/predict/fuel")) is ANYBODY
    assert guard(required=False).admit(Asked("/predict/fuel", "Basic dTpw")) is ANYBODY
    assert guard(required=False).admit(Asked("/readyz", "Bearer guessed")) is ANYBODY
    assert ask("/metrics", None, required=False)[0] == 200
    assert ask("/predict/fuel", "flights", required=False)[0] == 403
    assert ask("/predict/fuel", "guessed", required=False)[0] == 401


def test_a_token_that_ends_while_the_server_runs_is_refused_from_then_on() -> None:
    moment = [LATER.timestamp() - 1]
    made = Guard(required=True, clock=lambda: moment[0])
    made.replace({sha256(b"flights").hexdigest(): CLIENTS["flights"]})
    made.admit(Asked("/predict/flights", "Bearer flights"))
    moment[0] += 1
    with pytest.raises(QuarterdeckError, match="expired"):
        made.admit(Asked("/predict/flights", "Bearer flights"))


def test_over_a_rate_the_answer_says_when_to_come_again() -> None:
    made = guard()
    made.admit(Asked("/predict/flights", "Bearer slow", length=1_000))
    with pytest.raises(QuarterdeckError, match="slow may ask 1 requests a second") as caught:
        made.admit(Asked("/predict/flights", "Bearer slow"))
    assert caught.value.http_status == 429
    assert dict(caught.value.http_headers) == {"retry-after": "1"}
    assert made.admit(Asked("/healthz", "Bearer slow")).name == "slow"  # health costs nothing


def test_the_list_of_clients_is_replaced_as_a_whole_and_meters_stay() -> None:
    made = guard()
    made.admit(Asked("/", "Bearer slow"))
    digest = sha256(b"slow").hexdigest()
    made.replace({digest: CLIENTS["slow"], "other": client("new", "*")})
    with pytest.raises(QuarterdeckError) as caught:
        made.admit(Asked("/", "Bearer slow"))
    assert caught.value.http_status == 429
    with pytest.raises(QuarterdeckError) as caught:
        made.admit(Asked("/", "Bearer flights"))
    assert caught.value.http_status == 401
    assert made.admit(Asked("/", f"Bearer {LOCAL}")).knows_all


def test_the_one_who_asks_is_checked_again_where_the_endpoint_is_known() -> None:
    asker = guard().admit(Asked("/", "Bearer flights"))
    asker.take("flights", 10)
    with pytest.raises(QuarterdeckError) as caught:
        asker.take("fuel", 1)
    assert caught.value.http_status == 403
