"""The ledger's table. Rows are only ever added; in SQLite a trigger of the schema refuses anything else."""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class LedgerRow(SQLModel, table=True):
    """The three JSON columns hold canonical text, byte for byte what the hash was made from."""

    __tablename__ = "ledger"
    seq: int = Field(primary_key=True)
    at: str
    actor: str
    act: str = Field(index=True)
    subject: str = Field(index=True)
    environment: str | None
    reason: str
    evidence: str
    before: str
    after: str
    previous_hash: str
    hash: str
