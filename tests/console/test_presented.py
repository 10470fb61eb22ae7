"""Where a token's secret is read from, and when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quarterdeck.console.presented import TOKEN, TOKEN_FILE, presented_token
from quarterdeck.core.errors import NotAllowedError, UsageError


def file(path: Path, mode: int, text: str = "secret\n") -> dict[str, str]:
    path.write_text(text)
    path.chmod(mode)
    return {TOKEN_FILE: str(path)}


def test_a_secret_comes_from_the_variable_or_from_the_file(tmp_path: Path) -> None:
    assert presented_token({}) is None
    assert presented_token({TOKEN: " secret "}) == "secret"
    for mode in (0o600, 0o400):
        assert presented_token(file(tmp_path / oct(mode), mode)) == "secret"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700, 0o660])
def test_a_file_that_others_could_read_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    with pytest.raises(NotAllowedError) as caught:
        presented_token(file(tmp_path / "token", mode))
    assert "0600" in caught.value.message and "chmod 600" in (caught.value.hint or "")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    said = file(tmp_path / "token", 0o600)
    os.chown(tmp_path / "token", 65534, 65534)
    with pytest.raises(NotAllowedError, match="65534"):
        presented_token(said)


def test_what_is_no_file_is_refused_and_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing"):
        with pytest.raises(NotAllowedError):
            presented_token({TOKEN_FILE: str(path)})


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_secret_is_no_reason_to_act_as_the_account(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotAllowedError, match="empty"):
        presented_token({TOKEN: text})
    with pytest.raises(NotAllowedError, match="empty"):
        presented_token(file(tmp_path / "token", 0o600, text))


def test_two_secrets_at_once_are_refused() -> None:
    with pytest.raises(UsageError):
        presented_token({TOKEN: "a", TOKEN_FILE: "b"})
