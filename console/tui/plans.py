"""Which actions there are, the least right that each needs, and how each is planned.

Read plan.py first; alert_plans.py, approval_plans.py, model_plans.py and run_plans.py make the plans.
"""

from __future__ import annotations

from collections.abc import Callable

from quarterdeck.console.tui import alert_plans, approval_plans, model_plans, run_plans
from quarterdeck.console.tui.plan import Plan, Refusal
from quarterdeck.console.tui.subject import Subject
from quarterdeck.core.rights import Right

__all__ = ["ACTIONS", "RIGHTS", "Plan", "Refusal", "plan"]

_PLANNERS: dict[str, Callable[[Subject], Plan | Refusal]] = {
    "promote": model_plans.promote,
    "rollback": model_plans.rollback,
    "demote": model_plans.demote,
    "approve": approval_plans.approve,
    "keep": model_plans.keep,
    "start": run_plans.start,
    "cancel": run_plans.cancel,
    "pause": run_plans.pause,
    "acknowledge": alert_plans.acknowledge,
    "silence": alert_plans.silence,
    "resolve": alert_plans.resolve,
}
ACTIONS = tuple(_PLANNERS)

# Without it an action's key is not shown. A plan may need more: forcing a promotion is another right.
RIGHTS: dict[str, Right] = {
    "promote": Right.PROMOTE,
    "rollback": Right.DEMOTE,
    "demote": Right.DEMOTE,
    "approve": Right.APPROVE,
    "keep": Right.DEMOTE,
    "start": Right.OPERATE,
    "cancel": Right.OPERATE,
    "pause": Right.OPERATE,
    "acknowledge": Right.OPERATE,
    "silence": Right.OPERATE,
    "resolve": Right.OPERATE,
    "edit": Right.OPERATE,
    "undo": Right.DEMOTE,
    "review('accept')": Right.LABEL,
    "review('correct')": Right.LABEL,
    "review('skip')": Right.LABEL,
    "review('undo')": Right.LABEL,
}


def plan(action: str, subject: Subject | None) -> Plan | Refusal:
    """The plan of an action on a subject, or why there is none."""
    if subject is None:
        return Refusal(why="nothing is selected", fits=False)
    return _PLANNERS[action](subject)
