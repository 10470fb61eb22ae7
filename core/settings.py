"""quarterdeck.toml as one object. Every key is optional; the defaults suit one machine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from quarterdeck.core.toml_lines import read_toml
from quarterdeck.core.toml_table import Problems, Table

FILE_NAME = "quarterdeck.toml"

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")


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
    workers: int = _setting(1, "How many runs may be trained at the same time.", section="daemon")
    heartbeat_seconds: float = _setting(
        2.0,
        "How often daemon and servers say that they live.",
        section="daemon",
    )
    tick_seconds: float = _setting(
        0.25, "How often the daemon looks for requests, triggers and finished runs.", section="daemon"
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
    )


def read_settings(path: Path | None) -> Settings:
    """The settings in a file, or the defaults without one; ManifestError with all that is wrong in it."""
    if path is None:
        return Settings()
    document = read_toml(path)
    problems = Problems(document)
    root = Table(problems, (), document.data)
    sections = {name: root.table(name) for name in _sections() if name}
    root.only((*_keys(""), *sections))
    for name, table in sections.items():
        table.only(_keys(name))
    settings = _settings(root, **sections)
    problems.refuse()
    return settings


def _settings(root: Table, *, server: Table, daemon: Table, traffic: Table, store: Table) -> Settings:
    default = Settings()
    return Settings(
        environment=root.text(
            "environment",
            default.environment,
            expected="a small letter, then small letters, digits, - or _",
            check=lambda text: _ENVIRONMENT.fullmatch(text) is not None,
        ),
        host=server.text("host", default.host, expected="an address", check=_is_word),
        port=server.integer("port", default.port, minimum=0, maximum=65535),
        workers=daemon.integer("workers", default.workers, minimum=1, maximum=64),
        heartbeat_seconds=_seconds(daemon, "heartbeat_seconds", default.heartbeat_seconds, 0.1, 60),
        tick_seconds=_seconds(daemon, "tick_seconds", default.tick_seconds, 0.01, 10),
        keep_days=traffic.number(
            "keep_days",
            default.keep_days,
            expected="days, a number from 0 to 36500",
            check=lambda days: 0 <= days <= 36_500,
        ),
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
