"""Remote models asked over HTTP: a real server in a process of its own, good and bad."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from quarterdeck.core.errors import InputError, UnavailableError
from quarterdeck.core.models.circuit_breaker import BreakerPolicy
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.remote import RemotePredictor

SIGNATURE = Signature(
    fields=(Field(name="wind", kind=FieldKind.NUMBER),), task=Task.BINARY, target="late", classes=(0, 1)
)
ROWS = {"wind": [1.0, 2.0]}
PATIENT = BreakerPolicy(failures=1000, pause_s=1.0)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    program = Path(__file__).with_name("remote_server.py")
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def counted(address: str) -> Any:
    with urlopen(f"{address}/count", timeout=30) as answer:  # noqa: S310  # ours, over http
        return json.load(answer)


def asked(address: str, path: str) -> int:
    return int(counted(address)["asked"].get(path, 0))


def predictor(url: str, **settings: Any) -> RemotePredictor:
    return RemotePredictor(RemoteModel(url=url, **{"breaker": PATIENT, **settings}), SIGNATURE)


def test_rows_go_out_and_checked_answers_come_back(address: str) -> None:
    remote = predictor(f"{address}/ok")
    answers = remote.predict(ROWS)
    assert (answers.labels, answers.scores.tolist(), remote.gives) == ([1, 1], [0.75, 0.75], Gives.PROBABILITIES)
    assert counted(address)["last"]["body"]["inputs"][0]["data"] == [1.0, 2.0]


def test_a_header_is_read_from_the_environment_and_one_that_is_not_set_keeps_the_model_out(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": "env:REMOTE_TEST_TOKEN"}
    monkeypatch.delenv("REMOTE_TEST_TOKEN", raising=False)
    with pytest.raises(UnavailableError, match="REMOTE_TEST_TOKEN is not set"):
        predictor(f"{address}/ok", headers=headers)
    monkeypatch.setenv("REMOTE_TEST_TOKEN", "Bearer made-up")
    predictor(f"{address}/ok", headers=headers).predict(ROWS)
    assert counted(address)["last"]["headers"]["Authorization"] == "Bearer made-up"


@pytest.mark.parametrize(("path", "times"), [("/twice_503", 3), ("/once_429", 2)])
def test_what_may_pass_is_tried_again(address: str, path: str, times: int) -> None:
    before = asked(address, path)
    assert predictor(address + path, retries=2).predict(ROWS).labels == [1, 1]
    assert asked(address, path) - before == times


@pytest.mark.parametrize("path", ["/always_500", "/hangs_up"])
def test_a_server_that_goes_on_failing_is_tried_so_often_and_no_more(address: str, path: str) -> None:
    before = asked(address, path)
    with pytest.raises(UnavailableError, match="in 3 attempts"):
        predictor(address + path, retries=2).predict(ROWS)
    assert asked(address, path) - before == 3


@pytest.mark.parametrize("path", ["/redirects", "/forbids", "/no_json", "/too_few", "/no_probability", "/huge"])
def test_what_will_not_pass_is_asked_once(address: str, path: str) -> None:
    before, followed = asked(address, path), asked(address, "/ok")
    with pytest.raises(UnavailableError):
        predictor(address + path, retries=5).predict(ROWS)
    assert asked(address, path) - before == 1
    assert asked(address, "/ok") == followed


@pytest.mark.parametrize("path", ["/slow", "/drips"])
def test_a_server_that_takes_its_time_is_given_up(address: str, path: str) -> None:
    with pytest.raises(UnavailableError, match=r"within 0\.3 s"):
        predictor(address + path, timeout_s=0.3).predict(ROWS)


def test_nobody_listening_is_told(address: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnavailableError, match="connection failed"):
        predictor(f"http://127.0.0.1:{port}/x", retries=0).predict(ROWS)


def test_rows_that_the_other_server_refuses_are_refused_rows_and_no_failure_of_it(address: str) -> None:
    remote = predictor(f"{address}/refuses", breaker=BreakerPolicy(failures=1, pause_s=60.0))
    for _ in range(3):
        with pytest.raises(InputError, match="wind is out of range"):
            remote.predict(ROWS)


def test_a_server_that_fails_again_and_again_is_left_alone_and_tried_after_the_pause(address: str) -> None:
    now = [100.0]
    model = RemoteModel(url=f"{address}/always_500", retries=0, breaker=BreakerPolicy(failures=2, pause_s=5.0))
    remote = RemotePredictor(model, SIGNATURE, clock=lambda: now[0])
    before = asked(address, "/always_500")

    def fails(said: str) -> None:
        with pytest.raises(UnavailableError, match=said):
            remote.predict(ROWS)

    for said in ("HTTP 500", "HTTP 500", "left alone"):
        fails(said)
    now[0] += 4.9
    fails("left alone")
    assert asked(address, "/always_500") - before == 2
    now[0] += 0.1
    for said in ("HTTP 500", "left alone"):  # the trial; it failed, and the circuit is open again
        fails(said)
    assert asked(address, "/always_500") - before == 3


def test_nothing_of_a_proxy_in_the_environment_is_used(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert predictor(f"{address}/ok").predict(ROWS).labels == [1, 1]


def test_no_secret_of_a_header_is_in_an_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMOTE_TEST_TOKEN", "made-up-secret")
    for path in ("/always_500", "/forbids", "/refuses", "/no_json"):
        with pytest.raises((UnavailableError, InputError)) as caught:
            predictor(address + path, retries=0, headers={"X-Token": "env:REMOTE_TEST_TOKEN"}).predict(ROWS)
        assert "made-up-secret" not in str(caught.value)


def test_http_is_loaded_by_the_remote_module_and_not_by_what_leads_to_it() -> None:
    code = (
        "import sys, quarterdeck.scheduler.engines, quarterdeck.scheduler.serving.live as live; "
        "assert live.load; print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
