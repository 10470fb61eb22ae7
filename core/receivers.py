"""Receivers of notifications: `[[notifications]]` of quarterdeck.toml, checked, and which events each of them wants.

Secrets do not stand in the file, which is under git: it names a variable of the environment, or a file with mode 0600.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from quarterdeck.core.notices import Event, EventType
from quarterdeck.core.toml_lines import KeyPath
from quarterdeck.core.toml_table import Table, shown
from quarterdeck.core.values import Severity

# Every key that a receiver may have; the documentation is tested against these.
PLACES = ("url", "url_env", "url_file", "command")
WEBHOOK_KEYS = ("secret_env", "secret_file", "plain_http")
FILTERS = ("events", "severity", "kinds", "models")
RECEIVER_KEYS = ("name", *PLACES, *WEBHOOK_KEYS, "timeout", "tries", *FILTERS)

LONGEST = timedelta(minutes=5)  # a time-out
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """One `[[notifications]]` table: a webhook (by url, or where its url is kept) or a command."""

    name: str
    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None
    command: tuple[str, ...] = ()
    secret_env: str | None = None
    secret_file: str | None = None
    plain_http: bool = False  # http to other machines is meant
    timeout: timedelta = timedelta(seconds=10)
    tries: int = 12  # then it is dead; spread over about a day
    events: tuple[str, ...] = ("*",)  # patterns of types, such as "alert.*"
    severity: Severity = Severity.INFO  # the least
    kinds: tuple[str, ...] = ()  # of alerts; none: all
    models: tuple[str, ...] = ()  # none: all, and what is about no model
    where: str | None = field(default=None, compare=False)

    def wants(self, event: Event) -> bool:
        """Whether an event passes its filters. `kinds` says nothing about events that are no alert's."""
        return (
            any(fnmatchcase(event.type, pattern) for pattern in self.events)
            and event.severity.rank >= self.severity.rank
            and (not self.kinds or event.kind is None or event.kind in self.kinds)
            and (not self.models or event.model in self.models)
        )

    @property
    def place(self) -> str:
        """Where it is, without what may be secret."""
        if self.command:
            return self.command[0]
        if self.url is not None:
            return self.url
        return f"url in ${self.url_env}" if self.url_env is not None else f"url in {self.url_file}"


def read_receivers(root: Table) -> tuple[Receiver, ...]:
    """All receivers of the file; what is wrong goes to the table's problems."""
    taken: dict[str, KeyPath] = {}
    found = []
    for table in root.tables("notifications"):
        receiver = _receiver(table)
        if receiver.name and taken.setdefault(receiver.name, table.path) != table.path:
            line = root.problems.document.line_of(taken[receiver.name])
            table.wrong("name", f'is "{receiver.name}", which the receiver in line {line} has; expected another name')
        found.append(receiver)
    return tuple(found)


def _receiver(table: Table) -> Receiver:
    table.only(RECEIVER_KEYS)
    table.require("name")
    given = [key for key in PLACES if key in table]
    if len(given) != 1:
        which = " and ".join(given) or "none"
        table.problems.add(table.path, f"[[notifications]] has {which}; expected exactly one of {', '.join(PLACES)}")
    if "command" in table:
        for key in WEBHOOK_KEYS:
            if key in table:
                table.wrong(key, "says nothing beside `command`")
    if "secret_env" in table and "secret_file" in table:
        table.wrong("secret_file", "stands beside `secret_env`; expected one of them")
    default = Receiver(name="")
    plain = table.flag("plain_http", default.plain_http)
    return Receiver(
        name=table.text("name", "", expected="small letters, digits, - and _, up to 60", check=_is_receiver_name),
        url=_url(table, plain=plain),
        url_env=_variable(table, "url_env"),
        url_file=table.text("url_file", None, expected="a file's path"),
        command=_texts(table, "command", ()),
        secret_env=_variable(table, "secret_env"),
        secret_file=table.text("secret_file", None, expected="a file's path"),
        plain_http=plain,
        timeout=_timeout(table, default.timeout),
        tries=table.integer("tries", default.tries, minimum=1, maximum=50),
        events=_patterns(table, default.events),
        severity=table.choice("severity", default.severity),
        kinds=_texts(table, "kinds", ()),
        models=_texts(table, "models", ()),
        where=table.where,
    )


def url_problem(url: str, *, plain_http: bool) -> str | None:
    """What is wrong with a webhook's URL, without saying it; None where nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", url):
        return "is no URL that begins with https:// or http://"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password; name where the URL is kept, by url_env or url_file"
    if parts.scheme == "http" and not plain_http and not is_loopback(host):
        return "is http to another machine, which anybody on the way can read; use https, or say plain_http = true"
    return None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _url(table: Table, *, plain: bool) -> str | None:
    url = table.text("url", None, expected="a URL such as https://host/path")
    problem = None if url is None else url_problem(url, plain_http=plain)
    if problem is not None:
        table.wrong("url", problem)
    return url


def _is_receiver_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _variable(table: Table, key: str) -> str | None:
    expected = "the name of a variable of the environment"
    return table.text(key, None, expected=expected, check=lambda text: _VARIABLE.fullmatch(text) is not None)


def _timeout(table: Table, default: timedelta) -> timedelta:
    found = table.duration("timeout", default)
    if found > LONGEST:
        table.wrong("timeout", f'is "{table.values["timeout"]}"; expected at most 5 minutes')
        return default
    return found


def _texts(table: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = table.values.get(key)
    if found is None:
        return default
    if not isinstance(found, list) or not found or not all(isinstance(item, str) and item for item in found):
        table.wrong(key, f"is {shown(found)}; expected a list of texts")
        return default
    return tuple(found)


def _patterns(table: Table, default: Sequence[str]) -> tuple[str, ...]:
    found = _texts(table, "events", tuple(default))
    known = [kind.value for kind in EventType]
    for pattern in found:
        if not any(fnmatchcase(name, pattern) for name in known):
            table.wrong(
                "events", f'has "{pattern}", which is no event; expected some of {", ".join(known)}, or "alert.*"'
            )
    return found
