"""Webhook triggers over real HTTP: who is believed, what is answered, and what is kept."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.manifest_triggers import trigger_spec
from quarterdeck.core.standard_webhooks import read_secrets, sign
from quarterdeck.core.values import RunStatus, Task, TriggerKind
from quarterdeck.scheduler import webhook_listener
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.scheduler.webhooks import Webhooks
from quarterdeck.store import pipelines, runs, triggers

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture
def state(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    monkeypatch.setenv("TRIGGER_SECRET", SECRET)
    workspace.settings_file.write_text("[daemon]\nwebhook_port = 0\n")
    with open_state(workspace) as state:
        yield state


class Hooks:
    def __init__(self, state: State) -> None:
        self.state = state
        self.readable = True
        self.hooks = Webhooks(state, readable=lambda _: self.readable)
        self.client = httpx.Client(timeout=20)

    def open(self, *pipeline_names: str, **spec: Any) -> None:
        wanted = {"secret": "env:TRIGGER_SECRET", "per_minute": 100} | spec
        with self.state.database.write() as tx:
            for name in pipeline_names:
                row = pipelines.Pipeline(
                    name=name, task=Task.BINARY, description="", owner="", digest="", synced_at=utc_now()
                )
                pipelines.put(tx, row)
                triggers.sync(tx, name, [("upstream", TriggerKind.WEBHOOK, wanted)])
        self.plan()

    def plan(self) -> None:
        with self.state.database.read() as tx:
            rows = triggers.every(tx)
        self.hooks.plan({row.id: (row, trigger_spec(row.name, row.kind, row.spec)) for row in rows})
        self.hooks.tick(utc_now())

    def call(
        self,
        path: str = "/trigger/fuel/upstream",
        *,
        id: str = "msg_1",
        body: bytes = b"{}",
        at: datetime | None = None,
        **changes: str,
    ) -> httpx.Response:
        stamp = str(int((at or utc_now()).timestamp()))
        signature = sign(read_secrets(SECRET), message_id=id, timestamp=stamp, body=body)
        headers = {"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": signature} | changes
        return self.client.post(f"{self.hooks.address}{path}", content=body, headers=headers)

    def pending(self) -> list[int]:
        with self.state.database.read() as tx:
            return [run.id for run in runs.unfinished(tx)]

    def finish(self) -> None:
        with self.state.database.write() as tx:
            for run in runs.unfinished(tx):
                runs.claim(tx, run.id, pid=1, process_started=0.0, now=utc_now())
                runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=utc_now())


@pytest.fixture
def hooks(state: State) -> Iterator[Hooks]:
    hooks = Hooks(state)
    yield hooks
    hooks.client.close()
    hooks.hooks.close()


def test_a_signed_call_starts_a_run_and_says_which(hooks: Hooks) -> None:
    hooks.open("fuel")
    answer = hooks.call(body=b'{"reason": "prices of\\nMarch"}')
    assert (answer.status_code, answer.json()) == (202, {"firing": 1, "run": 1})
    with hooks.state.database.read() as tx:
        (firing,) = triggers.firings(tx)
    assert firing.evidence == {"call": "msg_1", "bytes": 30, "reason": "prices of March"}
    assert SECRET not in answer.text


def test_a_call_that_is_sent_again_gets_the_same_answer_and_starts_nothing(hooks: Hooks) -> None:
    hooks.open("fuel")
    assert hooks.call().status_code == 202
    hooks.finish()
    again = hooks.call()
    assert (again.status_code, again.json()) == (202, {"firing": 1, "run": 1, "repeated": True})
    assert hooks.pending() == []
    assert hooks.call(id="msg_2").json()["run"] == 2


def test_who_is_not_believed_gets_401_and_starts_nothing(hooks: Hooks) -> None:
    hooks.open("fuel")
    wrong = {"webhook-signature": "v1,AAAA", "webhook-id": "msg_other", "webhook-timestamp": "1"}
    for name, value in wrong.items():
        assert hooks.call(**{name: value}).status_code == 401
        assert hooks.call(**{name: ""}).status_code == 401
    assert hooks.pending() == []


def test_an_old_call_is_not_believed_even_if_it_is_signed(hooks: Hooks, now: datetime) -> None:
    hooks.open("fuel")
    answer = hooks.call(at=now)
    assert (answer.status_code, answer.json()["error"]) == (401, "webhook-timestamp is more than 5 minutes from now")


def test_a_name_alone_is_enough_where_one_pipeline_has_it(hooks: Hooks) -> None:
    hooks.open("fuel")
    assert hooks.call("/trigger/upstream").status_code == 202
    hooks.open("ice")
    answer = hooks.call("/trigger/upstream", id="msg_2")
    assert answer.status_code == 404
    assert "/trigger/fuel/upstream, /trigger/ice/upstream" in answer.json()["error"]
    assert hooks.call("/trigger/ice/upstream", id="msg_3").status_code == 202


def test_what_is_not_there_is_404(hooks: Hooks) -> None:
    hooks.open("fuel")
    for path in ("/trigger/fuel/other", "/trigger/", "/", "/trigger/fuel/upstream/x", "/health"):
        assert hooks.call(path).status_code == 404


def test_a_run_under_way_and_a_pause_are_409_and_a_cooldown_is_429(hooks: Hooks) -> None:
    hooks.open("fuel", cooldown=3600.0)
    assert hooks.call().status_code == 202
    busy = hooks.call(id="msg_2")
    assert (busy.status_code, busy.json()["error"]) == (409, "run 1 is under way")
    hooks.finish()
    cooling = hooks.call(id="msg_3")
    assert cooling.status_code == 429 and "cooling down" in cooling.json()["error"]
    with hooks.state.database.write() as tx:
        triggers.set_paused(tx, triggers.get(tx, "fuel", "upstream").id, True)
    assert hooks.call(id="msg_4").status_code == 409
    assert hooks.pending() == []


def test_more_calls_than_allowed_in_a_minute_are_429_whoever_sends_them(hooks: Hooks) -> None:
    hooks.open("fuel", per_minute=2)
    assert [hooks.call(**{"webhook-signature": "v1,no"}).status_code for _ in range(2)] == [401, 401]
    answer = hooks.call()
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_body_too_large_is_413_and_one_without_a_length_411(hooks: Hooks) -> None:
    hooks.open("fuel")
    assert hooks.call(body=b" " * (webhook_listener.LARGEST + 1)).status_code == 413
    assert hooks.call(body=b" " * webhook_listener.LARGEST).status_code == 202
    chunked = hooks.client.post(f"{hooks.hooks.address}/trigger/fuel/upstream", content=iter([b"{}"]))
    assert chunked.status_code == 411


def test_another_method_is_405(hooks: Hooks) -> None:
    hooks.open("fuel")
    assert hooks.client.get(f"{hooks.hooks.address}/trigger/fuel/upstream").status_code == 405


def test_a_slow_sender_is_cut_off_and_the_next_one_answered(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_listener, "DEADLINE_S", 0.3)
    hooks.open("fuel")
    host, port = (hooks.hooks.address or "").removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /trigger/fuel/upstream HTTP/1.1\r\nhost: x\r\ncontent-le")
        assert hooks.call().status_code == 202
        slow.settimeout(10)
        assert slow.recv(100) == b""


def test_nothing_listens_without_a_webhook_and_it_ends_with_the_last_one(hooks: Hooks) -> None:
    hooks.hooks.tick(utc_now())
    assert hooks.hooks.address is None
    hooks.open("fuel")
    assert hooks.hooks.address is not None
    with hooks.state.database.read() as tx:
        key = triggers.get(tx, "fuel", "upstream").id
    hooks.hooks.plan({key: None})
    hooks.hooks.tick(utc_now())
    assert hooks.hooks.address is None


def test_a_secret_that_cannot_be_read_is_a_problem_and_503(hooks: Hooks) -> None:
    for secret in ("env:NOT_SET", "file:secret"):
        hooks.open("fuel", secret=secret)
        assert "fuel/upstream" in hooks.hooks.problems
        assert hooks.call().status_code == 503


def test_a_secret_in_a_file_must_be_its_owners_alone(hooks: Hooks) -> None:
    path = hooks.state.workspace.root / "secret"
    path.write_text(SECRET + "\n")
    hooks.open("fuel", secret="file:secret")
    for mode, status in ((0o640, 503), (0o600, 202)):
        path.chmod(mode)
        assert hooks.call().status_code == status


def test_a_port_that_is_taken_is_a_problem_that_ends_by_itself(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, find_port: Callable[[], socket.socket]
) -> None:
    taken = find_port()
    port = taken.getsockname()[1]
    monkeypatch.setattr("quarterdeck.scheduler.webhooks.RETRY_S", 0.0)
    object.__setattr__(hooks.state.settings, "webhook_port", port)
    hooks.open("fuel")
    assert f"cannot listen on 127.0.0.1:{port}" in hooks.hooks.problems["webhooks"]
    taken.close()
    hooks.hooks.tick(utc_now())
    assert hooks.hooks.problems == {}
    assert hooks.call().status_code == 202


@pytest.fixture
def find_port() -> Iterator[Callable[[], socket.socket]]:
    made: list[socket.socket] = []

    def bind() -> socket.socket:
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made.append(taken)
        return taken

    yield bind
    for taken in made:
        taken.close()


def test_a_pipeline_whose_manifest_is_gone_is_503(hooks: Hooks) -> None:
    hooks.open("fuel")
    hooks.readable = False
    assert hooks.call().status_code == 503
