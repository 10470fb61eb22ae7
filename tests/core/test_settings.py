"""quarterdeck.toml: what is read, and what is refused and how."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from quarterdeck import sample_data
from quarterdeck.core.errors import ManifestError, NotFoundError
from quarterdeck.core.settings import LogFormat, Settings, describe_settings, read_settings

FULL = """\
environment = "staging"
[server]
host = "0.0.0.0"
port = 9000
require_token = true
tls_certificate = "tls/a.pem"
tls_key = "tls/a.key"
plain_http = false
body_bytes = 1_000_000
body_rows = 500
json_depth = 8
header_seconds = 5
body_seconds = 6
answer_seconds = 7
connections = 100
[daemon]
workers = 4
heartbeat_seconds = 1
tick_seconds = 0.5
lease_seconds = 20
run_memory_mb = 2048
memory_mb = 8192
log_format = "json"
log_mb = 3
log_keep = 2
[traffic]
keep_days = 0.5
max_mb = 100
keep_windows_days = 30
[store]
database_url = "postgresql://me@db/quarterdeck"
artifacts_url = "s3://bucket/folder"
"""


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "quarterdeck.toml"
    path.write_text(text)
    return read_settings(path)


def test_every_key_reaches_its_field(tmp_path: Path) -> None:
    assert read(tmp_path, FULL) == Settings(
        environment="staging",
        host="0.0.0.0",  # noqa: S104 - read, not listened on
        port=9000,
        require_token=True,
        tls_certificate="tls/a.pem",
        tls_key="tls/a.key",
        body_bytes=1_000_000,
        body_rows=500,
        json_depth=8,
        header_seconds=5.0,
        body_seconds=6.0,
        answer_seconds=7.0,
        connections=100,
        workers=4,
        heartbeat_seconds=1.0,
        tick_seconds=0.5,
        lease_seconds=20.0,
        run_memory_mb=2048,
        memory_mb=8192,
        log_format=LogFormat.JSON,
        log_mb=3,
        log_keep=2,
        keep_days=0.5,
        max_mb=100,
        keep_windows_days=30.0,
        database_url="postgresql://me@db/quarterdeck",
        artifacts_url="s3://bucket/folder",
    )


def test_every_key_is_optional(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, "[server]\n") == read_settings(None) == Settings()


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_settings(tmp_path / "quarterdeck.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[server]\nprot = 1",
            ["quarterdeck.toml:2: `prot` is not a key of [server]", "did you mean `port`?"],
        ),
        (
            "[sever]\nport = 1",
            ["quarterdeck.toml:1: `sever` is not a key of the file", "did you mean `server`?"],
        ),
        ("port = 1", ["quarterdeck.toml:1: `port` is not a key of the file"]),
        ("server = 1", ["`server` is 1; expected a table"]),
        ('[server]\nport = "8780"', ['`port` is "8780"', "from 0 to 65535"]),
        ("[server]\nport = -1", ["`port` is -1"]),
        ('[server]\nhost = "a b"', ['`host` is "a b"; expected an address']),
        ("[server]\nrequire_token = 1", ["`require_token` is 1; expected true or false"]),
        ('[server]\nplain_http = "yes"', ['`plain_http` is "yes"; expected true or false']),
        ('[server]\ntls_key = "a"', ["quarterdeck.toml:2: `tls_key` needs `tls_certificate` beside it"]),
        (
            '[server]\ntls_certificate = "a"\ntls_key = "b"\nplain_http = true',
            ["quarterdeck.toml:4: `plain_http` is true, and `tls_certificate` is there: keep one of them"],
        ),
        ("[server]\nbody_rows = 0", ["`body_rows` is 0", "from 1 to 1e+06"]),
        ("[server]\nheader_seconds = 0", ["`header_seconds` is 0; expected seconds"]),
        ('environment = "Live!"', ['`environment` is "Live!"']),
        ("[daemon]\nworkers = 0", ["`workers` is 0", "from 1 to 64"]),
        ("[daemon]\ntick_seconds = 0", ["`tick_seconds` is 0; expected seconds, a number from 0.01 to 10"]),
        ("[daemon]\nheartbeat_seconds = inf", ["`heartbeat_seconds` is inf"]),
        ('[store]\ndatabase_url = "mysql://me@db/x"', ["begins with one of sqlite, postgresql"]),
        ('[store]\nartifacts_url = "folder"', ["such as s3://bucket/folder"]),
        ('[store]\nartifacts_url = "http://[x"', ["such as s3://bucket/folder"]),
    ],
)
def test_a_wrong_key_is_refused_at_its_line_with_what_was_expected(tmp_path: Path, text: str, said: list[str]) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, text)
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        'database_url = "postgresql://me:secret@db/x"',
        'database_url = "postgresql://db/x?user=me&password=secret"',
        'artifacts_url = "s3://key:secret@bucket/x"',
    ],
)
def test_a_password_in_the_file_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ManifestError, match="without a password"):
        read(tmp_path, f"[store]\n{line}\n")


@pytest.mark.parametrize("item", describe_settings(), ids=lambda item: item.key)
def test_every_key_is_documented(item: object) -> None:
    says = item.says  # type: ignore[attr-defined]
    assert says[0].isupper() and says.endswith(".")


def test_the_template_shows_every_key_with_its_default_and_documentation() -> None:
    text = (sample_data.FOLDER / "workspace" / "quarterdeck.toml").read_text()
    assert read_settings(sample_data.FOLDER / "workspace" / "quarterdeck.toml") == Settings()
    keys = [line.removeprefix("#") for line in text.splitlines() if line.startswith("[") or line[:2].strip("#").strip()]
    shown = tomllib.loads("\n".join(keys))
    words = " ".join(text.replace("#", " ").split())
    for item in describe_settings():
        assert item.says in words
        section = shown[item.section] if item.section else shown
        if item.default is not None:
            assert section[item.key] == item.default
        else:
            assert item.key in section
