"""Messages to a real receiver: signed, tried again, given up, never twice under another id, and never in the way."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.notices import Delivery, DeliveryState, EventType
from quarterdeck.core.receivers import Receiver
from quarterdeck.core.values import Severity
from quarterdeck.scheduler import control
from quarterdeck.scheduler.notifier import MOST_ALERTS, Notifier
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, deliveries, notifications

CLOSE = "close"  # the connection, without an answer
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOUR = timedelta(hours=1)


Make = Callable[..., Notifier]


@pytest.fixture
def make(state: State) -> Iterator[Make]:
    made: list[Notifier] = []

    def notifier(*receivers: Receiver) -> Notifier:
        settings = replace(state.settings, notifications=receivers)
        made.append(Notifier(replace(state, settings=settings)))
        return made[-1]

    yield notifier
    for each in made:
        each.close()


def tell(state: State, now: datetime, type: str = EventType.RUN_FAILED, **more: Any) -> None:
    with state.database.write() as tx:
        notifications.notify(tx, type, "run 4", {"run": 4}, now=now, **more)


def all_of(state: State) -> list[Delivery]:
    with state.database.read() as tx:
        return deliveries.page(tx)[::-1]


def send(notifier: Notifier, now: datetime) -> None:
    """One tick, and what it began."""
    notifier.tick(now)
    control.wait_until(lambda: not notifier.busy(), what="the sending to end", patience=20.0)


def one(state: State) -> Delivery:
    (only,) = all_of(state)
    return only


def test_a_message_is_a_signed_cloud_event_that_the_standards_own_library_takes(
    state: State, outside: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    tell(state, utc_now(), model="flights", severity=Severity.WARNING)
    send(make(Receiver(name="a", url=outside.url, secret_env="HOOK_SECRET")), utc_now())
    (got,) = outside.got
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert got.headers["webhook-id"] == got.event["id"]
    assert (got.event["type"], got.event["subject"]) == ("quarterdeck.run.failed", "run 4")
    assert got.event["source"] == "/quarterdeck/workspace/production"
    assert (one(state).state, one(state).status) == (DeliveryState.SENT, 200)
    python = Path(sys.prefix) / "clients" / "bin" / "python"
    assert python.exists(), "run `make .venv/.clients` first; `make test` does"
    given = json.dumps({"secret": SECRET, "headers": got.headers, "body": got.body.decode()})
    script = Path(__file__).parent / "verify_webhook.py"
    done = subprocess.run([python, script], input=given, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == {"event": got.event, "changed": "No matching signature found"}


@pytest.mark.parametrize("answer", [(500, {}), (503, {}), (429, {}), (408, {}), CLOSE])
def test_what_may_pass_is_tried_again_with_the_same_id(
    state: State, outside: Any, make: Make, now: datetime, answer: Any
) -> None:
    outside.answers = [answer]
    notifier = make(Receiver(name="a", url=outside.url))
    tell(state, now)
    send(notifier, now)
    waits = one(state)
    assert (waits.state, waits.attempts) == (DeliveryState.PENDING, 1)
    assert waits.said == "I say no" or "Error" in waits.said
    send(notifier, now)
    assert len(outside.got) == 1  # not before its time
    send(notifier, waits.due_at)
    assert one(state).state is DeliveryState.SENT
    assert len({got.event["id"] for got in outside.got}) == 1 and len(outside.got) == 2


def test_retry_after_is_kept(state: State, outside: Any, make: Make, now: datetime) -> None:
    outside.answers = [(429, {"retry-after": "3600"})]
    tell(state, now)
    before = utc_now()
    send(make(Receiver(name="a", url=outside.url)), now)
    assert HOUR <= one(state).due_at - before < HOUR + timedelta(minutes=1)


@pytest.mark.parametrize("status", [302, 307, 400, 404, 410])
def test_a_no_and_a_redirect_are_the_end_at_once(
    state: State, outside: Any, make: Make, now: datetime, status: int
) -> None:
    outside.answers = [(status, {"location": outside.url})]
    tell(state, now)
    send(make(Receiver(name="a", url=outside.url)), now)
    assert (one(state).state, one(state).status, len(outside.got)) == (DeliveryState.DEAD, status, 1)


def test_after_its_tries_a_message_is_dead_and_can_be_sent_again(
    state: State, outside: Any, make: Make, now: datetime
) -> None:
    outside.answers = [(500, {})] * 3
    notifier = make(Receiver(name="a", url=outside.url, tries=3))
    tell(state, now)
    for _ in range(5):
        send(notifier, utc_now() + timedelta(days=1))
    assert (one(state).state, one(state).attempts, len(outside.got)) == (DeliveryState.DEAD, 3, 3)
    with state.database.write() as tx:
        deliveries.retry(tx, one(state).id, now=now)
    send(notifier, now)
    assert one(state).state is DeliveryState.SENT


def test_a_receiver_that_hangs_holds_up_neither_the_tick_nor_the_others(
    state: State, outside: Any, make: Make, now: datetime
) -> None:
    outside.answers = [lambda handler: outside.hang.wait(30) and None]
    notifier = make(
        Receiver(name="slow", url=outside.url, timeout=timedelta(seconds=1)),
        Receiver(name="quick", command=(sys.executable, "-c", "")),
    )
    tell(state, now)
    started = time.monotonic()
    notifier.tick(now)
    tell(state, now)
    notifier.tick(now)  # the slow one has one message at a time
    assert time.monotonic() - started < 1.0
    control.wait_until(lambda: not notifier.busy(), what="both to end", patience=20.0)
    found = {(item.receiver, item.attempts): item for item in all_of(state)}
    assert found["quick", 1].state is DeliveryState.SENT
    assert "Timeout" in found["slow", 1].said and found["slow", 0].state is DeliveryState.PENDING
    assert len(outside.got) == 1


def test_a_receiver_that_is_not_there_is_tried_again(state: State, make: Make, now: datetime) -> None:
    tell(state, now)
    send(make(Receiver(name="a", url="http://127.0.0.1:9/x")), now)
    assert one(state).state is DeliveryState.PENDING and "ConnectError" in one(state).said


def test_each_receiver_gets_what_it_wants(state: State, outside: Any, make: Make, now: datetime) -> None:
    wants = Receiver(name="a", url=outside.url, events=("model.*",))
    tell(state, now)
    tell(state, now, EventType.PROMOTED)
    send(make(wants, Receiver(name="b", url=outside.url, models=("fuel",))), now)
    assert [(item.receiver, item.state) for item in all_of(state)] == [("a", DeliveryState.SENT)]
    assert [got.event["type"] for got in outside.got] == ["quarterdeck.model.promoted"]


def test_many_alerts_at_once_are_one_message(state: State, outside: Any, make: Make, now: datetime) -> None:
    with state.database.write() as tx:
        for number in range(MOST_ALERTS + 1):
            cause = {"model": f"m{number}", "kind": "drift", "subject": "features"}
            severity = Severity.CRITICAL if number == 3 else Severity.WARNING
            alerts.raise_alert(tx, **cause, message="drift", evidence={}, now=now, severity=severity)
    send(make(Receiver(name="a", url=outside.url)), now)
    (got,) = outside.got
    assert (got.event["type"], got.event["data"]["severity"]) == ("quarterdeck.alert.group", "critical")
    assert [event["data"]["model"] for event in got.event["data"]["events"]] == [f"m{n}" for n in range(6)]


def test_what_waits_for_a_receiver_that_is_named_no_more_is_dead(
    state: State, make: Make, now: datetime, outside: Any
) -> None:
    outside.answers = [(500, {})]
    tell(state, now)
    send(make(Receiver(name="old", url=outside.url)), now)
    send(make(Receiver(name="new", url=outside.url)), now + HOUR)
    assert (one(state).state, one(state).said) == (DeliveryState.DEAD, "quarterdeck.toml names no such receiver")


def test_urls_and_secrets_are_in_no_log_and_not_in_the_store(
    state: State, outside: Any, make: Make, now: datetime, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HOOK_URL", f"{outside.url}/hush-in-the-path")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    outside.answers = [(200, {}), (500, {}), CLOSE]
    notifier = make(Receiver(name="a", url_env="HOOK_URL", secret_env="HOOK_SECRET"))
    for _ in range(3):
        tell(state, now)
        send(notifier, now)
    monkeypatch.setenv("HOOK_SECRET", "whsec_hush")
    monkeypatch.setenv("HOOK_URL", "https://me:hush@example.org/")
    tell(state, now)
    send(notifier, now)
    assert [got.path for got in outside.got] == ["/hook/hush-in-the-path"] * 3
    kept = state.workspace.database.read_bytes() + state.workspace.database.with_name("quarterdeck.db-wal").read_bytes()
    own = "".join(record.getMessage() for record in caplog.records if not record.name.startswith(("httpcore", "h11")))
    for secret in ("hush", SECRET, SECRET.removeprefix("whsec_")):
        assert secret not in own and secret.encode() not in kept
    assert "base64" not in all_of(state)[0].said and "user or a password" in all_of(state)[-1].said


@pytest.mark.parametrize(
    ("mode", "text", "says"),
    [
        (0o644, SECRET, "others may read it"),
        (0o600, "not a secret", "does not begin with whsec_"),
        (None, "", "No such file"),
    ],
)
def test_a_secret_that_cannot_be_used_is_said_and_the_message_waits(
    state: State, outside: Any, make: Make, now: datetime, mode: int | None, text: str, says: str
) -> None:
    path = state.workspace.root / "hook-secret"
    notifier = make(Receiver(name="a", url=outside.url, secret_file="hook-secret"))
    if mode is not None:
        path.touch(mode=mode)
        path.write_text(text)
    tell(state, now)
    send(notifier, now)
    assert outside.got == [] and says in one(state).said and one(state).state is DeliveryState.PENDING
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(SECRET)
    send(notifier, utc_now() + HOUR)
    assert one(state).state is DeliveryState.SENT and outside.got[0].headers["webhook-signature"].startswith("v1,")


def command(source: str, **more: Any) -> Receiver:
    return Receiver(name="c", command=(sys.executable, "-c", source), **more)


def test_a_command_gets_the_event_and_no_secret_of_ours(
    state: State, make: Make, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUARTERDECK_TOKEN", "HOOK_SECRET"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("PAGER_KEY", "mine")
    source = "import json, os, sys; open('seen', 'w').write(json.dumps([json.load(sys.stdin), dict(os.environ)]))"
    tell(state, now)
    send(
        make(command(source), Receiver(name="x", url="https://h.invalid", events=("test",), secret_env="HOOK_SECRET")),
        now,
    )
    event, environment = json.loads((state.workspace.root / "seen").read_text())
    assert event["data"]["run"] == 4 and environment["PAGER_KEY"] == "mine"
    assert "hush" not in environment.values()
    assert (one(state).state, one(state).status) == (DeliveryState.SENT, 0)


def test_a_command_that_fails_leaves_its_exit_code_and_its_last_lines(state: State, make: Make, now: datetime) -> None:
    tell(state, now)
    send(make(command("print('x' * 100_000); print('the end'); raise SystemExit(3)")), now)
    found = one(state)
    assert (found.state, found.status) == (DeliveryState.PENDING, 3)
    assert found.said.endswith("the end") and len(found.said) <= deliveries.LONGEST_SAID


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    state: State, make: Make, now: datetime
) -> None:
    source = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\ntime.sleep(600)"
    )
    tell(state, now)
    send(make(command(source, timeout=timedelta(seconds=2))), now)
    assert "took more than 2 s" in one(state).said and one(state).status is None
    child = int((state.workspace.root / "child").read_text())
    control.wait_until(lambda: not is_alive(child), what="the child to be gone", patience=10.0)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_a_command_that_is_not_there_is_said(state: State, make: Make, now: datetime) -> None:
    tell(state, now)
    send(make(Receiver(name="c", command=("/no/such/program",))), now)
    assert "cannot be started: No such file" in one(state).said


def test_a_process_killed_between_sending_and_noting_it_sends_again_with_the_same_id(
    state: State, outside: Any
) -> None:
    tell(state, utc_now())
    arguments = [sys.executable, Path(__file__).parent / "notify_child.py", state.workspace.root, "a", outside.url]
    sender: list[subprocess.Popen[bytes]] = []

    def kill(handler: Any) -> None:
        control.wait_until(lambda: bool(sender), what="the process to be known", patience=10.0)
        os.kill(sender[0].pid, signal.SIGKILL)  # it has sent, and cannot have noted what came of it
        sender[0].wait()

    outside.answers = [kill]
    sender.append(subprocess.Popen(arguments))
    assert sender[0].wait(60) == -signal.SIGKILL
    assert one(state).state is DeliveryState.PENDING
    assert subprocess.run(arguments, timeout=60).returncode == 0
    assert one(state).state is DeliveryState.SENT
    first, second = outside.got
    assert first.event == second.event and first.headers["webhook-id"] == second.headers["webhook-id"]
