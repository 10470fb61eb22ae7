"""HTTPS by certificate files, with real clients: those of the workspace find the server and trust only it."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from quarterdeck.core.errors import UnavailableError
from quarterdeck.scheduler.reaching import reach, trusting
from quarterdeck.scheduler.replay.player import Player
from quarterdeck.scheduler.replay.sources import Request
from quarterdeck.scheduler.state import open_state

ROW = {"a": 1.0, "b": 2.0}


def command(lab: Any, *words: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--workspace", str(lab.workspace.root), *words]
    return subprocess.run(
        [sys.executable, "-m", "quarterdeck.console.main", *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=lab.workspace.root,
    )  # fmt: skip


@pytest.fixture
def https(line_lab: Any, make_certificate: Callable[..., str]) -> Any:
    line_lab.configure(make_certificate(line_lab.workspace.root / "tls"))
    return line_lab


def test_a_client_that_trusts_the_certificate_is_answered_over_tls(https: Any) -> None:
    certificate = https.workspace.root / "tls" / "own.pem"
    server = https.start(verify=ssl.create_default_context(cafile=str(certificate)))
    assert https.service().address == f"https://127.0.0.1:{server.port}"
    assert server.predict("line", ROW).json()["predictions"][0]["value"] == 3.0
    with httpx.Client(base_url=str(server.client.base_url)) as stranger, pytest.raises(httpx.ConnectError):
        stranger.get("/healthz")
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as plain, pytest.raises(httpx.TransportError):
        plain.get("/healthz")
    assert server.version_of("line") == 1


def test_the_workspaces_commands_find_the_server_and_trust_it_whoever_signed(
    line_lab: Any, make_certificate: Callable[..., str]
) -> None:
    lines = make_certificate(line_lab.workspace.root / "tls", authority=True)
    line_lab.configure(lines + "\nrequire_token = true")
    line_lab.start(verify=trusting(line_lab.workspace.root / "tls" / "own.pem"))
    done = command(line_lab, "predict", "line", "--row", json.dumps(ROW), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["value"] == 3.0
    (shown,) = json.loads(command(line_lab, "service", "list", "--json").stdout)
    assert shown["address"] == line_lab.service().address
    assert shown["address"].startswith("https://")


async def test_the_replay_finds_the_server_and_shows_the_workspaces_secret(https: Any) -> None:
    tls = https.workspace.settings_file.read_text().partition("[server]\n")[2]
    https.configure(tls + "require_token = true")
    https.start(verify=trusting(https.workspace.root / "tls" / "own.pem"))
    request = Request(endpoint="line", row=ROW, label=3.0, at=timedelta(0), known_at=timedelta(hours=1))
    with open_state(https.workspace) as state:
        async with Player(state, lambda: False) as player:
            await player.day([request] * 3, timedelta(hours=2))
        tally = player.tallies["line"]
    assert (tally.requests, tally.failures, tally.refused, tally.retried) == (3, 0, 0, 0)
    assert len(https.labels()) == 3


def test_the_workspaces_programs_trust_no_other_certificate(https: Any, make_certificate: Callable[..., str]) -> None:
    https.start(verify=trusting(https.workspace.root / "tls" / "own.pem"))
    make_certificate(https.workspace.root / "tls", name="other")
    service = https.service()
    for certificate, trusted in (("own", True), ("other", False)):
        named = replace(service, certificate=str(https.workspace.root / "tls" / f"{certificate}.pem"))
        found = reach(https.workspace, named)
        with httpx.Client(base_url=found.address, verify=found.verify) as client:
            if trusted:
                assert client.get("/healthz").status_code == 200
            else:
                with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                    client.get("/healthz")


@pytest.mark.parametrize("text", [None, "", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_certificate_that_cannot_be_read_says_where_it_should_be(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "own.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnavailableError, match="start the server again") as caught:
        trusting(path)
    assert caught.value.where == str(path)


def test_old_versions_of_tls_are_refused(https: Any) -> None:
    certificate = https.workspace.root / "tls" / "own.pem"
    server = https.start(verify=trusting(certificate))
    old = trusting(certificate)
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with httpx.Client(base_url=str(server.client.base_url), verify=old) as client, pytest.raises(httpx.ConnectError):
        client.get("/healthz")
    modern = trusting(certificate)
    modern.maximum_version = ssl.TLSVersion.TLSv1_2
    with httpx.Client(base_url=str(server.client.base_url), verify=modern) as client:
        assert client.get("/healthz").status_code == 200


def test_requests_sent_ahead_and_bodies_in_pieces_are_answered_over_tls_too(https: Any) -> None:
    trust = trusting(https.workspace.root / "tls" / "own.pem")
    server = https.start(verify=trust)
    head = b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    row = json.dumps(ROW).encode()
    whole = head + b"content-length: %d\r\n" % len(row)
    chunked = head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(row), row)
    sent = whole + b"\r\n" + row + chunked + b"GET / HTTP/1.1\r\n\r\n"  # the last one names no host
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection,
        trust.wrap_socket(connection, server_hostname="127.0.0.1") as client,
    ):
        for byte in sent:
            client.send(bytes([byte]))
        said = b""
        while part := client.recv(10_000):
            said += part
    assert said.count(b'"value":3.0') == 2
    assert said.count(b"HTTP/1.1 400 ") == 1
