"""Tokens of clients, on a running server: scoped, limited, made, rotated and revoked without a restart."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from quarterdeck.core.clients import Rates
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.store import tokens
from quarterdeck.store.local_secret import read_local_secret

ROW = {"a": 1.0, "b": 2.0}
NUMBERS = count()  # a name is given once
SOON_S = 5.0  # within the server's look at the store, and what a busy machine adds


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[Any]:
    lab = make_lab(tmp_path_factory.mktemp("tokens") / "lab")
    for name in ("line", "other"):
        lab.add_onnx(name, lab.line_model(1.0))
        lab.promote(name, 1)
    lab.configure("require_token = true")
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def server(lab: Any) -> Any:
    return lab.start()


@pytest.fixture
def ask(server: Any) -> Callable[..., httpx.Response]:
    def send(secret: str | None, endpoint: str = "line", body: Any = ROW) -> httpx.Response:
        headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
        found: httpx.Response = server.client.post(f"/predict/{endpoint}", json=body, headers=headers)
        return found

    return send


@pytest.fixture
def secret(lab: Any, ask: Any) -> str:
    """Of a token for `line` that the server knows already."""
    made: str = lab.make_token(f"client-{next(NUMBERS)}", "line")
    lab.wait_until(lambda: ask(made).status_code == 200, seconds=SOON_S)
    return made


def audit() -> Audit:
    return Audit(actor="ops", environment="production", at=utc_now(), reason="a test")


def name_of(lab: Any, secret: str) -> str:
    with lab.database.read() as tx:
        return tokens.identify(tx, tokens.digest(secret), utc_now()).name


def test_without_a_token_only_health_answers_and_says_nothing_else(server: Any, ask: Any) -> None:
    refused = ask(None)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.json().keys() == {"error", "where", "hint"}
    for path in ("/", "/metrics", "/nothing"):
        assert server.client.get(path).status_code == 401
    assert server.client.get("/healthz").status_code == 200
    assert server.client.get("/readyz").json() == {"ready": True}


def test_a_token_answers_for_its_endpoints_alone(server: Any, ask: Any, secret: str) -> None:
    refused = ask(secret, "other")
    assert refused.status_code == 403
    assert "'other'" in refused.json()["error"]
    assert ask(secret, "unheard-of").status_code == 403  # what there is beside is not told
    shown = server.client.get("/", headers={"authorization": f"Bearer {secret}"}).json()["endpoints"]
    assert shown.keys() == {"line"}
    assert server.client.get("/metrics", headers={"authorization": f"Bearer {secret}"}).status_code == 403


def test_a_refused_request_leaves_the_connection_usable(server: Any, ask: Any, secret: str) -> None:
    with httpx.Client(base_url=server.client.base_url) as client:
        for _ in range(3):
            assert client.post("/predict/line", json=ROW).status_code == 401
            good = client.post("/predict/line", json=ROW, headers={"authorization": f"Bearer {secret}"})
            assert good.status_code == 200


def test_a_large_body_of_nobody_is_refused_unread(server: Any, lab: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: 4000000\r\n\r\n" + b" " * 1_000
        )
        assert connection.recv(1_000).startswith(b"HTTP/1.1 401 ")
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "path", ["/predict/%6fther", "/predict//other", "//predict/other", "/predict/line%2f..%2fother"]
)
def test_no_spelling_of_an_address_gets_around_the_scope(server: Any, secret: str, path: str) -> None:
    answer = server.client.post(path, json=ROW, headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code in (403, 404), answer.text


def test_a_token_labels_what_its_endpoints_predicted_and_nothing_else(lab: Any, server: Any, ask: Any) -> None:
    line, other = lab.make_token("labels-line", "line"), lab.make_token("labels-other", "other")
    lab.wait_until(lambda: ask(other, "other").status_code == 200, seconds=SOON_S)
    name = ask(line).json()["predictions"][0]["id"]

    def label(secret: str) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return int(server.client.post("/feedback", json={"id": name, "label": 1.0}, headers=headers).status_code)

    assert label(other) == 404
    assert label(line) == 200


def test_a_rotated_secret_counts_at_once_and_the_old_one_no_more(lab: Any, ask: Any, secret: str) -> None:
    with lab.database.write() as tx:
        new = tokens.rotate(tx, name_of(lab, secret), audit(), expires_at=None)
    lab.wait_until(lambda: ask(secret).status_code == 401, seconds=SOON_S)
    assert ask(new).status_code == 200


def test_with_a_grace_both_secrets_count_until_it_ends(lab: Any, ask: Any, secret: str) -> None:
    with lab.database.write() as tx:
        new = tokens.rotate(tx, name_of(lab, secret), audit(), expires_at=None, grace=timedelta(seconds=2))
    lab.wait_until(lambda: ask(new).status_code == 200, seconds=SOON_S)
    assert ask(secret).status_code == 200
    refused = lab.wait_until(lambda: (found := ask(secret)).status_code == 401 and found)
    assert "was replaced" in refused.json()["error"]
    assert ask(new).status_code == 200


def test_a_revoked_token_is_refused_from_then_on(lab: Any, ask: Any, secret: str) -> None:
    with lab.database.write() as tx:
        tokens.revoke(tx, name_of(lab, secret), audit())
    refused = lab.wait_until(lambda: (found := ask(secret)).status_code == 401 and found, seconds=SOON_S)
    assert "is revoked" in refused.json()["error"]


def test_a_token_ends_by_itself(lab: Any, ask: Any) -> None:
    secret = lab.make_token("short", "line", days=2 / 86_400)
    lab.wait_until(lambda: ask(secret).status_code == 200, seconds=SOON_S)
    refused = lab.wait_until(lambda: (found := ask(secret)).status_code == 401 and found)
    assert "short expired at" in refused.json()["error"]
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("kind", "rates", "body"),
    [
        ("requests", Rates(requests=2), ROW),
        ("rows", Rates(rows=50), [ROW] * 100),
        pytest.param("bytes", Rates(bytes=100), [ROW] * 100, marks=pytest.mark.slow),
    ],
)
def test_over_a_rate_the_server_says_when_to_come_again(lab: Any, ask: Any, kind: str, rates: Rates, body: Any) -> None:
    secret = lab.make_token(f"rate-{kind}", "line", rates=rates)
    lab.wait_until(lambda: ask(secret).status_code != 401, seconds=SOON_S)
    refused = lab.wait_until(lambda: (found := ask(secret, body=body)).status_code == 429 and found)
    assert f"{kind} a second" in refused.json()["error"]
    assert int(refused.headers["retry-after"]) >= 1
    lab.wait_until(lambda: ask(secret).status_code == 200)


def test_the_workspaces_own_commands_and_a_clients_token_are_both_let_in(lab: Any, ask: Any, secret: str) -> None:
    words = ["predict", "line", "--row", json.dumps(ROW), "--json"]

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(lab.workspace.root), *words]
        env = {**os.environ, **more}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)

    assert run().returncode == 0
    assert run(QUARTERDECK_TOKEN=secret).returncode == 0
    words[1] = "other"
    assert run().returncode == 0
    refused = run(QUARTERDECK_TOKEN=secret)
    assert refused.returncode == 5 and "is not for 'other'" in refused.stderr


def test_no_secret_is_in_the_log_the_store_or_an_answer(lab: Any, server: Any, ask: Any, secret: str) -> None:
    guessed = "guessed-" + "x" * 40
    said = [ask(guessed).text, ask(secret, "other").text, ask(secret, body={"a": 1}).text, ask(secret).text]
    own = read_local_secret(lab.workspace)
    assert own is not None and oct((lab.workspace.state / "server-secret").stat().st_mode)[-3:] == "600"
    kept = [lab.log.read_bytes(), *(path.read_bytes() for path in lab.workspace.state.glob("*.db*"))]
    for hidden in (guessed, secret, own):
        assert all(hidden not in text for text in said)
        assert all(hidden.encode() not in data for data in kept)


def test_refusals_are_counted(lab: Any, server: Any, ask: Any, secret: str) -> None:
    def refused(status: int) -> int:
        headers = {"authorization": f"Bearer {read_local_secret(lab.workspace)}"}
        lines = server.client.get("/metrics", headers=headers).text.splitlines()
        start = f'quarterdeck_request_refusals_total{{status="{status}"}}'
        return next(int(line.rpartition(" ")[2]) for line in lines if line.startswith(start))

    before = refused(401), refused(403)
    ask(None)
    ask(secret, "other")
    assert (refused(401), refused(403)) == (before[0] + 1, before[1] + 1)
