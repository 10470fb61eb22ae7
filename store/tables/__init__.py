"""The tables of quarterdeck.db as SQLModel classes. Rows never leave the store: its modules return core values.

pipelines (runs, steps, artifacts, metrics), models (versions, aliases, duels), operations (triggers, firings,
alerts, windows, services), audit (the ledger).
"""

from quarterdeck.store.tables.audit import LedgerRow
from quarterdeck.store.tables.models import AliasRow, DuelRow, VersionRow
from quarterdeck.store.tables.operations import AlertRow, FiringRow, ServiceRow, TriggerRow, WindowRow
from quarterdeck.store.tables.pipelines import (
    ArtifactRow,
    CacheRow,
    LineageRow,
    MetricRow,
    PipelineRow,
    RunRow,
    StepRow,
)

__all__ = [
    "AlertRow",
    "AliasRow",
    "ArtifactRow",
    "CacheRow",
    "DuelRow",
    "FiringRow",
    "LedgerRow",
    "LineageRow",
    "MetricRow",
    "PipelineRow",
    "RunRow",
    "ServiceRow",
    "StepRow",
    "TriggerRow",
    "VersionRow",
    "WindowRow",
]
