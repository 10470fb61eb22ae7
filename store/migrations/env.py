"""Alembic's entry point: runs on the connection that migrate.py hands over."""

from alembic import context
from sqlmodel import SQLModel

import quarterdeck.store.tables  # noqa: F401  # fills SQLModel.metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
