"""[[notifications]] of quarterdeck.toml: what is refused, which events a receiver wants, and no secret in sight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.notices import Event, EventType
from quarterdeck.core.receivers import RECEIVER_KEYS, Receiver
from quarterdeck.core.settings import read_settings
from quarterdeck.core.values import Severity

DOCS = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()


def read(folder: Path, text: str) -> tuple[Receiver, ...]:
    path = folder / "quarterdeck.toml"
    path.write_text(text)
    return read_settings(path).notifications


def test_every_key_reaches_its_field(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '[[notifications]]\nname = "a"\nurl = "http://far.example/x"\nplain_http = true\nsecret_env = "S"\n'
        'timeout = "3s"\ntries = 2\nevents = ["alert.*"]\nseverity = "critical"\nkinds = ["drift"]\nmodels = ["m"]\n'
        '[[notifications]]\nname = "b"\nurl_env = "U"\nsecret_file = "f"\n'
        '[[notifications]]\nname = "c"\nurl_file = "u"\n'
        '[[notifications]]\nname = "d"\ncommand = ["echo", "x"]\n',
    )
    assert found == (
        Receiver(
            name="a", url="http://far.example/x", plain_http=True, secret_env="S", timeout=timedelta(seconds=3),
            tries=2, events=("alert.*",), severity=Severity.CRITICAL, kinds=("drift",), models=("m",),
        ),
        Receiver(name="b", url_env="U", secret_file="f"),
        Receiver(name="c", url_file="u"),
        Receiver(name="d", command=("echo", "x")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a"', "has none; expected exactly one of url, url_env, url_file, command"),
        ('name = "a"\nurl = "https://h"\ncommand = ["x"]', "has url and command"),
        ('url = "https://h"', "has no key `name`"),
        ('name = "A b"\nurl = "https://h"', '`name` is "A b"'),
        ('name = "a"\nurl = "http://far.example/x"', "`url` is http to another machine"),
        ('name = "a"\nurl = "ftp://h"', "`url` is no URL that begins with"),
        ('name = "a"\nurl = "https://me:hush@h/x"', "`url` holds a user or a password"),
        ('name = "a"\ncommand = "rm -rf /"', "`command` is \"rm -rf /\"; expected a list of texts"),
        ('name = "a"\ncommand = ["x"]\nsecret_env = "S"', "`secret_env` says nothing beside `command`"),
        ('name = "a"\nurl = "https://h"\nsecret_env = "S"\nsecret_file = "f"', "stands beside `secret_env`"),
        ('name = "a"\nurl = "https://h"\nevents = ["alarm.*"]', 'has "alarm.*", which is no event'),
        ('name = "a"\nurl = "https://h"\ntimeout = "1h"', "expected at most 5 minutes"),
        ('name = "a"\nurl = "https://h"\nsecret = "whsec_x"', "`secret` is not a key"),
        ('name = "a"\nurl = "https://h"\n[[notifications]]\nname = "a"\nurl = "https://h"', "in line 1 has"),
    ],
)  # fmt: skip
def test_a_wrong_receiver_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, f"[[notifications]]\n{text}\n")
    assert said in str(caught.value) and "hush" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_http_to_this_machine_needs_no_word(tmp_path: Path, host: str) -> None:
    assert read(tmp_path, f'[[notifications]]\nname = "a"\nurl = "http://{host}:80/x"\n')


def event(type: str = EventType.ALERT_OPENED, **changes: Any) -> Event:
    plain: dict[str, Any] = {"model": "flights", "kind": "drift", "severity": Severity.WARNING}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return Event(id=1, event_id="e", type=type, subject="s", at=at, data={}, **(plain | changes))


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, True),
        ({"events": ("alert.*",)}, True),
        ({"events": ("run.failed", "model.*")}, False),
        ({"severity": Severity.WARNING}, True),
        ({"severity": Severity.CRITICAL}, False),
        ({"kinds": ("drift", "kpi")}, True),
        ({"kinds": ("kpi",)}, False),
        ({"models": ("flights",)}, True),
        ({"models": ("fuel",)}, False),
    ],
)
def test_filters_all_have_to_let_an_event_pass(filters: dict[str, Any], wanted: bool) -> None:
    assert Receiver(name="a", **filters).wants(event()) is wanted


def test_kinds_say_nothing_about_what_is_no_alert() -> None:
    assert Receiver(name="a", kinds=("kpi",)).wants(event(EventType.RUN_FAILED, kind=None))


@pytest.mark.parametrize("key", RECEIVER_KEYS)
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in DOCS


@pytest.mark.parametrize("kind", EventType)
def test_every_event_is_documented(kind: EventType) -> None:
    assert f"`{kind}`" in DOCS
