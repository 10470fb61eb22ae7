"""The tables of quarterdeck.db as SQLModel classes. Rows never leave the store: its modules return core values.

pipelines (runs, steps, artifacts, metrics), models (versions, aliases, splits, gate sets, duels), rollouts (with their
analyses), rights (roles, tokens, approvals), operations (triggers, firings, alerts, windows, services, leases), reviews
(queues, items, decisions), notifications (silences, events and their deliveries), audit (the ledger).
"""

from quarterdeck.store.tables.audit import LedgerRow
from quarterdeck.store.tables.models import AliasRow, DuelRow, GateSetRow, SplitRow, VersionRow
from quarterdeck.store.tables.notifications import DeliveryRow, NotificationRow, SilenceRow
from quarterdeck.store.tables.operations import AlertRow, FiringRow, LeaseRow, ServiceRow, TriggerRow, WindowRow
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
from quarterdeck.store.tables.triggers import TriggerCursorRow, WebhookCallRow

__all__ = [
    "AlertRow",
    "AliasRow",
    "AnalysisRow",
    "ApprovalRow",
    "ArtifactRow",
    "CacheRow",
    "DecisionRow",
    "DeliveryRow",
    "DuelRow",
    "FiringRow",
    "GateSetRow",
    "LeaseRow",
    "LedgerRow",
    "LineageRow",
    "MetricRow",
    "NotificationRow",
    "PipelineRow",
    "ReviewQueueRow",
    "ReviewRow",
    "RoleRow",
    "RolloutRow",
    "RunRow",
    "ServiceRow",
    "SilenceRow",
    "SplitRow",
    "StepRow",
    "TokenRow",
    "TriggerCursorRow",
    "TriggerRow",
    "VersionRow",
    "WebhookCallRow",
    "WindowRow",
]
