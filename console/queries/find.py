"""A version by the reference that a person types."""

from __future__ import annotations

from sqlalchemy import Connection

from quarterdeck.console.queries.common import aliases_of
from quarterdeck.console.queries.registry import version_row
from quarterdeck.console.queries.values import VersionRow
from quarterdeck.core.registry import parse_reference
from quarterdeck.store import registry


def find_version(tx: Connection, environment: str, text: str) -> VersionRow:
    """`flights@3`, `flights@challenger`, or `flights`: its champion. Raises UsageError or NotFoundError."""
    version = registry.resolve(tx, parse_reference(text), environment)
    return version_row(tx, version, aliases_of(tx, version.model, environment))
