"""What people can do, once: the command line and the screens call these, and nothing else changes the store.

Each act is one transaction, by somebody who may, checked against what they saw, and leaves its ledger entry.
"""

from quarterdeck.console.acts.models import LOOK, challenge, demote, promote, retire, rollback, undo, withdraw
from quarterdeck.console.acts.operations import acknowledge, fire_trigger, set_trigger_paused
from quarterdeck.console.acts.runs import cancel_run, request_run, resume_run

__all__ = [
    "LOOK",
    "acknowledge",
    "cancel_run",
    "challenge",
    "demote",
    "fire_trigger",
    "promote",
    "request_run",
    "resume_run",
    "retire",
    "rollback",
    "set_trigger_paused",
    "undo",
    "withdraw",
]
