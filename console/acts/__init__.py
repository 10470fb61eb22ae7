"""What people can do, once: the command line and the screens call these, and nothing else changes the store.

Each act is one transaction, by somebody who may, checked against what they saw, and leaves its ledger entry.
"""

from quarterdeck.console.acts.alerts import (
    acknowledge,
    end_silence,
    resolve_alert,
    silence_alert,
    silence_cause,
    unsilence_alert,
)
from quarterdeck.console.acts.gates import edit_gate
from quarterdeck.console.acts.models import LOOK, challenge, demote, promote, retire, rollback, undo, withdraw
from quarterdeck.console.acts.notifications import discard_notification, retry_dead, retry_notification, try_receiver
from quarterdeck.console.acts.operations import fire_trigger, set_trigger_paused
from quarterdeck.console.acts.reviews import (
    accept_review,
    correct_review,
    hold_review,
    release_reviews,
    skip_review,
    take_review,
    undo_review,
)
from quarterdeck.console.acts.rights import (
    approve,
    create_token,
    grant,
    revoke,
    revoke_token,
    rotate_token,
    unapprove,
)
from quarterdeck.console.acts.rollouts import (
    abort_rollout,
    pause_rollout,
    promote_rollout,
    resume_rollout,
    rollout_spec,
    start_rollout,
)
from quarterdeck.console.acts.runs import cancel_run, request_run, resume_run

__all__ = [
    "LOOK",
    "abort_rollout",
    "accept_review",
    "acknowledge",
    "approve",
    "cancel_run",
    "challenge",
    "correct_review",
    "create_token",
    "demote",
    "discard_notification",
    "edit_gate",
    "end_silence",
    "fire_trigger",
    "grant",
    "hold_review",
    "pause_rollout",
    "promote",
    "promote_rollout",
    "release_reviews",
    "request_run",
    "resolve_alert",
    "resume_rollout",
    "resume_run",
    "retire",
    "retry_dead",
    "retry_notification",
    "revoke",
    "revoke_token",
    "rollback",
    "rollout_spec",
    "rotate_token",
    "set_trigger_paused",
    "silence_alert",
    "silence_cause",
    "skip_review",
    "start_rollout",
    "take_review",
    "try_receiver",
    "unapprove",
    "undo",
    "undo_review",
    "unsilence_alert",
    "withdraw",
]
