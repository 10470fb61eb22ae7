"""Where a server may listen, and what it says where it may not. No socket is opened here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.clients import Client
from quarterdeck.core.errors import NotAllowedError, NotFoundError, QuarterdeckError, UsageError
from quarterdeck.core.settings import Settings, read_settings
from quarterdeck.scheduler.serving.exposure import Exposure, exposure, require_client

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUBLIC = ["0.0.0.0", "192.168.1.1", "::", "2001:db8::1", "::ffff:192.168.1.1"]  # noqa: S104 - not listened on


def settings(tmp_path: Path, server: str) -> Settings:
    path = tmp_path / "quarterdeck.toml"
    path.write_text(f"[server]\n{server}\n")
    return read_settings(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_loopback_no_token_and_no_tls_is_asked_for(tmp_path: Path, host: str) -> None:
    place = exposure(Settings(), host, tmp_path)
    assert (place.tls, place.token_required, place.public) == (None, False, False)
    require_client(place, [], NOW)
    assert exposure(Settings(require_token=True), host, tmp_path).token_required


@pytest.mark.parametrize("host", PUBLIC)
def test_elsewhere_it_takes_tls_or_a_word_that_something_in_front_does_it(tmp_path: Path, host: str) -> None:
    with pytest.raises(NotAllowedError, match="without TLS") as caught:
        exposure(Settings(), host, tmp_path)
    for words in ("tls_certificate", "tls_key", "plain_http = true", "127.0.0.1"):
        assert words in (caught.value.hint or "")
    place = exposure(Settings(plain_http=True), host, tmp_path)
    assert place.token_required and place.public


def test_elsewhere_it_takes_a_token_that_counts_now() -> None:
    place = Exposure("192.0.2.1", None, True, True)
    valid = Client(name="ci", endpoints=frozenset({"flights"}), until=NOW + timedelta(days=1))
    for clients in (
        [],
        [replace(valid, until=NOW)],
        [replace(valid, revoked=True)],
        [replace(valid, endpoints=frozenset())],
    ):
        with pytest.raises(NotAllowedError, match="no valid token") as caught:
            require_client(place, clients, NOW)
        assert "quarterdeck token create NAME --endpoint ENDPOINT" in (caught.value.hint or "")
    require_client(place, [replace(valid, until=NOW), valid], NOW)


@pytest.mark.parametrize("host", ["example.org", "", "1.2.3", "127.0.0.1:80", "http://127.0.0.1"])
def test_what_is_no_address_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        exposure(Settings(), host, tmp_path)


def test_the_files_of_tls_are_found_from_the_workspace(tmp_path: Path, make_certificate: Callable[..., str]) -> None:
    make_certificate(tmp_path / "tls")
    found = settings(tmp_path, 'tls_certificate = "tls/own.pem"\ntls_key = "tls/own.key"')
    place = exposure(found, "192.168.1.1", tmp_path)
    assert place.tls is not None and place.tls.key == tmp_path / "tls" / "own.key"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, make_certificate: Callable[..., str], mode: int) -> None:
    found = settings(tmp_path, make_certificate(tmp_path))
    (tmp_path / "own.key").chmod(mode)
    with pytest.raises(NotAllowedError, match=f"{mode:04o}") as caught:
        exposure(found, "127.0.0.1", tmp_path)
    assert f"chmod 600 {tmp_path / 'own.key'}" in (caught.value.hint or "")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_is_its_owners_alone_is_taken(
    tmp_path: Path, make_certificate: Callable[..., str], mode: int
) -> None:
    found = settings(tmp_path, make_certificate(tmp_path))
    (tmp_path / "own.key").chmod(mode)
    assert exposure(found, "127.0.0.1", tmp_path).tls is not None


def _missing(folder: Path) -> None:
    (folder / "own.pem").unlink()


def _anothers(folder: Path) -> None:
    (folder / "own.key").write_bytes((folder / "other.key").read_bytes())


def _nonsense(folder: Path) -> None:
    (folder / "own.pem").write_text("hello")


def _hidden(folder: Path) -> None:
    (folder / "own.pem").write_bytes((folder / "hidden.pem").read_bytes())
    (folder / "own.key").write_bytes((folder / "hidden.key").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (_missing, NotFoundError, "no such file"),
        (_anothers, UsageError, "KEY_VALUES_MISMATCH"),
        (_nonsense, UsageError, "TLS cannot use them"),
        (_hidden, UsageError, "passphrase"),
    ],
)
def test_files_that_do_not_make_tls_are_refused_before_anybody_is_served(
    tmp_path: Path,
    make_certificate: Callable[..., str],
    spoil: Callable[[Path], None],
    error: type[QuarterdeckError],
    says: str,
) -> None:
    found = settings(tmp_path, make_certificate(tmp_path))
    make_certificate(tmp_path, name="other")
    make_certificate(tmp_path, name="hidden", passphrase=b"secret")
    spoil(tmp_path)
    with pytest.raises(error, match=says) as caught:
        exposure(found, "127.0.0.1", tmp_path)
    assert "own." in (caught.value.where or "")
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "server", "code", "says"),
    [
        ("0.0.0.0", "", 5, "plain_http = true"),  # noqa: S104 - refused
        ("0.0.0.0", "plain_http = true", 5, "quarterdeck token create NAME --endpoint"),  # noqa: S104 - refused
        ("example.org", "", 2, "no address"),
        ("127.0.0.1", 'tls_certificate = "a.pem"', 1, "`tls_key`"),
    ],
)
def test_the_process_refuses_to_start_and_says_what_to_do(
    lab: Any, host: str, server: str, code: int, says: str
) -> None:
    lab.configure(server)
    command = [sys.executable, "-m", "quarterdeck.scheduler.serving", "--workspace", str(lab.workspace.root)]
    done = subprocess.run(
        [*command, "--host", host, "--port", "0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert lab.service() is None
