"""The tables of quarterdeck.db as SQLModel classes. Rows never leave the store: its modules return core values.

pipelines (runs, steps, artifacts, metrics), models (versions, aliases, splits, gate sets, duels), rollouts (with their
analyses), rights (roles, tokens, approvals), operations (triggers, firings, alerts, windows, services), reviews
(queues, items, decisions), audit (the ledger).
"""

from quarterdeck.store.tables.audit import LedgerRow
from quarterdeck.store.tables.models import AliasRow, DuelRow, GateSetRow, SplitRow, VersionRow
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
from quarterdeck.store.tables.reviews import DecisionRow, ReviewQueueRow, ReviewRow
from quarterdeck.store.tables.rights import ApprovalRow, RoleRow, TokenRow
from quarterdeck.store.tables.rollouts import AnalysisRow, RolloutRow

__all__ = [
    "AlertRow",
    "AliasRow",
    "AnalysisRow",
    "ApprovalRow",
    "ArtifactRow",
    "CacheRow",
    "DecisionRow",
    "DuelRow",
    "FiringRow",
    "GateSetRow",
    "LedgerRow",
    "LineageRow",
    "MetricRow",
    "PipelineRow",
    "ReviewQueueRow",
    "ReviewRow",
    "RoleRow",
    "RolloutRow",
    "RunRow",
    "ServiceRow",
    "SplitRow",
    "StepRow",
    "TokenRow",
    "TriggerRow",
    "VersionRow",
    "WindowRow",
]
