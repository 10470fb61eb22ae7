"""The console in a browser: who is let in, and that it is the console."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `quarterdeck web` printed, while it runs."""
    root = tmp_path_factory.mktemp("web") / "workspace"
    program = [sys.executable, "-m", "quarterdeck.console.main"]
    subprocess.run([*program, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
    command = [*program, "--workspace", str(root), "--read-only", "web", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


@pytest.fixture
def base(address: str) -> str:
    return address.partition("/?")[0]


def _cookie(address: str) -> str:
    return httpx.get(address, timeout=PATIENCE_S).headers["set-cookie"].partition(";")[0]


def test_without_the_token_nothing_is_shown(base: str) -> None:
    for path in ("/", "/ws", "/static/js/textual.js", "/?token=", "/?token=wrong"):
        answer = httpx.get(base + path, timeout=PATIENCE_S)
        assert (answer.status_code, "quarterdeck web" in answer.text) == (401, True)


def test_the_token_is_taken_once_and_then_kept_in_a_cookie_that_no_script_reads(address: str, base: str) -> None:
    entered = httpx.get(address, timeout=PATIENCE_S)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    kept = entered.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=Strict" in kept
    page = httpx.get(base, headers={"Cookie": kept.partition(";")[0]}, timeout=PATIENCE_S)
    assert page.status_code == 200
    assert page.headers["x-frame-options"] == "DENY"
    assert "quarterdeck" in page.text


@pytest.mark.parametrize("header", [{"Host": "evil.example:80"}, {"Origin": "http://evil.example"}])
def test_another_site_cannot_use_the_browsers_cookie(address: str, base: str, header: dict[str, str]) -> None:
    answer = httpx.get(base, headers={"Cookie": _cookie(address), **header}, timeout=PATIENCE_S)
    assert answer.status_code == 403


async def test_behind_it_is_the_console(address: str, base: str) -> None:
    name, _, secret = _cookie(address).partition("=")
    async with aiohttp.ClientSession(cookies={name: secret}) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{base}/ws", headers={"Origin": "http://evil.example"})
        async with session.ws_connect(f"{base}/ws?width=100&height=30") as socket:
            seen = await asyncio.wait_for(_until(socket, b"Overview"), PATIENCE_S)
            assert b"READ-ONLY" in seen
            await socket.send_str(json.dumps(["stdin", "8"]))
            await asyncio.wait_for(_until(socket, b"ledger"), PATIENCE_S)


async def _until(socket: Any, wanted: bytes) -> bytes:
    """All that was drawn until it holds the words."""
    seen = b""
    async for message in socket:
        seen += message.data if isinstance(message.data, bytes) else message.data.encode()
        if wanted in seen:
            return seen
    raise AssertionError(f"the console ended before it showed {wanted!r}")


def test_a_port_in_use_is_said(base: str, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "quarterdeck.console.main"]
    root = tmp_path / "workspace"
    subprocess.run([*program, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
    port = base.rpartition(":")[2]
    command = [*program, "--workspace", str(root), "web", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 7
    assert f"port {port} cannot be used" in done.stderr
