"""Who may do what: roles, tokens, and approvals of versions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import moment


class RoleRow(SQLModel, table=True):
    """A person's role in an environment; "*" is every environment."""

    __tablename__ = "role"
    person: str = Field(primary_key=True)
    environment: str = Field(primary_key=True)
    role: str
    gates: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    granted_by: str
    granted_at: datetime = moment()


class TokenRow(SQLModel, table=True):
    """A token that acts by name, asks the prediction server, or both; only its hash is kept."""

    __tablename__ = "token"
    name: str = Field(primary_key=True)
    sha256: str = Field(unique=True)
    created_by: str
    created_at: datetime = moment()
    expires_at: datetime | None = moment(default=None)
    revoked_at: datetime | None = moment(default=None)
    environment: str | None = None
    endpoints: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    rates: dict[str, int] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    old_sha256: str | None = None
    old_until: datetime | None = moment(default=None)


class ApprovalRow(SQLModel, table=True):
    """One person's yes to one version in one environment."""

    __tablename__ = "approval"
    __table_args__ = (ForeignKeyConstraint(["model", "version"], ["version.model", "version.number"]),)
    environment: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    person: str = Field(primary_key=True)
    reason: str
    at: datetime = moment()
