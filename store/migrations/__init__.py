"""Alembic migrations of quarterdeck.db; migrate.py runs them."""
