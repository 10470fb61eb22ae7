"""quarterdeck.toml as one object. Every key is optional; the defaults suit one machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from quarterdeck.core.alerting_spec import AlertSpec
from quarterdeck.core.manifest_alerts import read_alerts
from quarterdeck.core.receivers import Receiver, read_receivers
from quarterdeck.core.toml_lines import read_toml
from quarterdeck.core.toml_table import Problems, Table

FILE_NAME = "quarterdeck.toml"

LISTS = ("alerts", "notifications")
MOST_PROCESSES = 8  # of the server, unless a number is set

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")


class LogFormat(StrEnum):
    """How lines of a log are written."""

    TEXT = "text"  # for people
    JSON = "json"  # an object a line, for what collects logs


def _setting(default: Any, says: str, *, section: str = "") -> Any:
    """A field with its section in the file ("" = above all sections) and its documentation."""
    return field(default=default, metadata={"section": section, "says": says})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a workspace sets. `describe_settings` lists the fields with their documentation."""

    environment: str = _setting(
        "production",
        "Name of the environment that this machine is. Aliases and rollouts are kept per environment.",
    )
    host: str = _setting(
        "127.0.0.1",
        "Address that the prediction server listens on. The default is reached from this machine only.",
        section="server",
    )
    port: int = _setting(
        8780,
        "Port of the prediction server; 0 takes any that is free, and `quarterdeck service list` says which.",
        section="server",
    )
    processes: int = _setting(
        0,
        "How many processes the prediction server has, all on its port; 0: one for each core, at most 8. Each has "
        "every live model in memory.",
        section="server",
    )
    require_token: bool = _setting(
        False,
        "Whether the prediction server answers only who shows a token. On an address that other machines reach it "
        "always does.",
        section="server",
    )
    tls_certificate: str | None = _setting(
        None,
        "PEM file with the prediction server's certificate, and below it those that vouch for it; from the "
        "workspace's folder. With it the server speaks HTTPS.",
        section="server",
    )
    tls_key: str | None = _setting(
        None,
        "PEM file with the certificate's private key, without a passphrase and with mode 0600.",
        section="server",
    )
    plain_http: bool = _setting(
        False,
        "Says that something in front of the prediction server does TLS, so that it may speak plain HTTP on an "
        "address that other machines reach.",
        section="server",
    )
    body_bytes: int = _setting(
        4 * 1024 * 1024, "Most bytes in the body of a request to the prediction server.", section="server"
    )
    body_rows: int = _setting(10_000, "Most rows, or labels, in a request.", section="server")
    json_depth: int = _setting(32, "How deep the JSON of a request may be nested.", section="server")
    header_seconds: float = _setting(
        10.0,
        "How long the head of a request may take to arrive, and how long an idle connection is kept.",
        section="server",
    )
    body_seconds: float = _setting(10.0, "How long the body of a request may take to arrive.", section="server")
    answer_seconds: float = _setting(
        30.0,
        "How long a client may leave an answer unread before its connection is closed.",
        section="server",
    )
    connections: int = _setting(
        4_096,
        "Most connections that the prediction server holds at once; more wait until one is closed.",
        section="server",
    )
    workers: int = _setting(1, "How many runs may be trained at the same time.", section="daemon")
    heartbeat_seconds: float = _setting(
        2.0,
        "How often daemon and servers say that they live.",
        section="daemon",
    )
    tick_seconds: float = _setting(
        0.25, "How often the daemon looks for requests, triggers and finished runs.", section="daemon"
    )
    lease_seconds: float = _setting(
        15.0,
        "How long the daemon's lease on the store lasts without being renewed: so long after a daemon has died another "
        "machine's takes over at the latest.",
        section="daemon",
    )
    run_memory_mb: int = _setting(
        0,
        "Most memory that one run may use, in MB of 1,048,576 bytes, all its processes together; beyond that it is "
        "ended and has failed. 0 sets no bound.",
        section="daemon",
    )
    memory_mb: int = _setting(
        0,
        "Most memory of the daemon with its server and its runs, in MB, for the unit that `quarterdeck daemon install` "
        "writes. 0 sets no bound.",
        section="daemon",
    )
    log_format: LogFormat = _setting(  # noqa: RUF009 - a field as all others
        LogFormat.TEXT, 'How the daemon and the prediction server write their logs: "text" or "json".', section="daemon"
    )
    log_mb: int = _setting(
        10, "How large a log may grow, in MB, before it is put aside and a new one begun.", section="daemon"
    )
    log_keep: int = _setting(5, "How many logs that were put aside are kept.", section="daemon")
    webhook_host: str = _setting(
        "127.0.0.1",
        "Address that the daemon listens on for webhook triggers, while any pipeline has one. It speaks plain HTTP: "
        "for other machines put something in front that does TLS.",
        section="daemon",
    )
    webhook_port: int = _setting(
        8781,
        "Port of the webhook triggers; 0 takes any that is free, and `quarterdeck service list --json` says which.",
        section="daemon",
    )
    keep_days: float = _setting(
        90.0,
        "How many days the prediction log keeps an answer and its label; 0 keeps them whatever their age.",
        section="traffic",
    )
    max_mb: int = _setting(
        4096,
        "How large traffic.db may grow, in MB of 1,048,576 bytes; beyond that the oldest answers go. 0 sets no bound.",
        section="traffic",
    )
    keep_windows_days: float = _setting(
        400.0,
        "How many days the counts of a window are kept after the last answer was counted into it; 0 keeps them for "
        "ever. What the window showed stays.",
        section="traffic",
    )
    database_url: str | None = _setting(
        None,
        "Database of runs, models and triggers, such as postgresql://user@host/name; its password comes from "
        "PGPASSWORD or ~/.pgpass. Default: SQLite in .quarterdeck/.",
        section="store",
    )
    artifacts_url: str | None = _setting(
        None,
        "Where results and models are kept, such as s3://bucket/folder. Default: .quarterdeck/artifacts/.",
        section="store",
    )

    # Lists of tables, each read and described in a file of its own: [[alerts]] and [[notifications]].
    alerts: tuple[AlertSpec, ...] = ()
    notifications: tuple[Receiver, ...] = ()

    @property
    def server_processes(self) -> int:
        """`processes`, or how many cores this process may use."""
        return self.processes or min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingDescription:
    """One key of quarterdeck.toml."""

    section: str  # "" = above all sections
    key: str
    default: str | int | float | None
    says: str


def describe_settings() -> tuple[SettingDescription, ...]:
    """Every key, in the order of the file."""
    return tuple(
        SettingDescription(
            section=item.metadata["section"],
            key=item.name,
            default=getattr(Settings(), item.name),
            says=item.metadata["says"],
        )
        for item in fields(Settings)
        if item.metadata
    )


def read_settings(path: Path | None) -> Settings:
    """The settings in a file, or the defaults without one; ManifestError with all that is wrong in it."""
    if path is None:
        return Settings()
    document = read_toml(path)
    problems = Problems(document)
    root = Table(problems, (), document.data)
    sections = {name: root.table(name) for name in _sections() if name}
    root.only((*_keys(""), *sections, *LISTS))
    for name, table in sections.items():
        table.only(_keys(name))
    parts = {name: sections[name] for name in ("daemon", "traffic", "store")}
    settings = _settings(root, **parts, server=_server(sections["server"]))
    settings = replace(settings, alerts=read_alerts(root, workspace=True), notifications=read_receivers(root))
    problems.refuse()
    return settings


def _server(table: Table) -> dict[str, Any]:
    """The keys of [server]."""
    default = Settings()
    found: dict[str, Any] = {
        "host": table.text("host", default.host, expected="an address", check=_is_word),
        "port": table.integer("port", default.port, minimum=0, maximum=65535),
        "processes": table.integer("processes", default.processes, minimum=0, maximum=64),
        "require_token": table.flag("require_token", default.require_token),
        "tls_certificate": table.text("tls_certificate", None, expected="a file's path"),
        "tls_key": table.text("tls_key", None, expected="a file's path"),
        "plain_http": table.flag("plain_http", default.plain_http),
        "body_bytes": table.integer("body_bytes", default.body_bytes, minimum=1_024, maximum=1 << 30),
        "body_rows": table.integer("body_rows", default.body_rows, minimum=1, maximum=1_000_000),
        "json_depth": table.integer("json_depth", default.json_depth, minimum=4, maximum=200),
        "header_seconds": _seconds(table, "header_seconds", default.header_seconds, 0.1, 600),
        "body_seconds": _seconds(table, "body_seconds", default.body_seconds, 0.1, 600),
        "answer_seconds": _seconds(table, "answer_seconds", default.answer_seconds, 0.1, 600),
        "connections": table.integer("connections", default.connections, minimum=1, maximum=1_000_000),
    }
    for key, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        if found[key] is not None and found[other] is None:
            table.wrong(key, f"needs `{other}` beside it")
    if found["plain_http"] and found["tls_certificate"] is not None:
        table.wrong("plain_http", "is true, and `tls_certificate` is there: keep one of them")
    return found


def _settings(root: Table, *, server: dict[str, Any], daemon: Table, traffic: Table, store: Table) -> Settings:
    default = Settings()
    return Settings(
        **server,
        environment=root.text(
            "environment",
            default.environment,
            expected="a small letter, then small letters, digits, - or _",
            check=lambda text: _ENVIRONMENT.fullmatch(text) is not None,
        ),
        workers=daemon.integer("workers", default.workers, minimum=1, maximum=64),
        heartbeat_seconds=_seconds(daemon, "heartbeat_seconds", default.heartbeat_seconds, 0.1, 60),
        tick_seconds=_seconds(daemon, "tick_seconds", default.tick_seconds, 0.01, 10),
        keep_days=_days(traffic, "keep_days", default.keep_days),
        keep_windows_days=_days(traffic, "keep_windows_days", default.keep_windows_days),
        lease_seconds=_seconds(daemon, "lease_seconds", default.lease_seconds, 2, 600),
        run_memory_mb=daemon.integer("run_memory_mb", default.run_memory_mb, minimum=0, maximum=1 << 30),
        memory_mb=daemon.integer("memory_mb", default.memory_mb, minimum=0, maximum=1 << 30),
        log_format=daemon.choice("log_format", default.log_format),
        log_mb=daemon.integer("log_mb", default.log_mb, minimum=1, maximum=1 << 20),
        log_keep=daemon.integer("log_keep", default.log_keep, minimum=0, maximum=1_000),
        webhook_host=daemon.text("webhook_host", default.webhook_host, expected="an address", check=_is_word),
        webhook_port=daemon.integer("webhook_port", default.webhook_port, minimum=0, maximum=65535),
        max_mb=traffic.integer("max_mb", default.max_mb, minimum=0, maximum=1 << 30),
        database_url=store.text(
            "database_url",
            None,
            expected=f"a URL without a password that begins with one of {', '.join(_DATABASES)}",
            check=lambda text: _is_url(text) and text.partition("://")[0] in _DATABASES,
        ),
        artifacts_url=store.text(
            "artifacts_url",
            None,
            expected="a URL without a password, such as s3://bucket/folder",
            check=_is_url,
        ),
    )


def _seconds(table: Table, key: str, default: float, least: float, most: float) -> float:
    expected = f"seconds, a number from {least:g} to {most:g}"
    return table.number(key, default, expected=expected, check=lambda seconds: least <= seconds <= most)


def _days(table: Table, key: str, default: float) -> float:
    expected = "days, a number from 0 to 36500"
    return table.number(key, default, expected=expected, check=lambda days: 0 <= days <= 36_500)


def _is_word(text: str) -> bool:
    return bool(text) and not re.search(r"\s", text)


def _is_url(text: str) -> bool:
    """A URL that holds no secret: the file is under git."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    secret = parts.password is not None or "password=" in parts.query
    return "://" in text and bool(parts.scheme) and _is_word(text) and not secret


def _sections() -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.section for item in describe_settings()))


def _keys(section: str) -> tuple[str, ...]:
    return tuple(item.key for item in describe_settings() if item.section == section)
