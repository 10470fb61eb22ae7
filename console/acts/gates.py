"""Acts on gates: a threshold is edited without touching code."""

from __future__ import annotations

from sqlalchemy import Connection

from quarterdeck.console.acts.guard import audit_of, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotAllowedError
from quarterdeck.core.gate_sets import GateChange, GateSet, may_edit
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.rights import Right, Role
from quarterdeck.store import gate_sets, rights

LATEST = 0  # for `saw`: the set as it is at the time of the act


def edit_gate(console: Console, model: str, key: str, change: GateChange, *, reason: str, saw: int = LATEST) -> GateSet:
    """Set thresholds of one gate. `saw` is the number of the set that the person looked at."""
    with permitted(console, Right.EDIT_GATES, act=gate_sets.ACT, subject=model) as tx:
        known = gate_sets.get(tx, model)
        refusal = _refused(tx, console, known.gate(key))
        if refusal is not None:
            raise refusal
        audit = audit_of(console, reason)
        return gate_sets.edit(tx, model, key, change, audit, saw=known.number if saw == LATEST else saw)


def _refused(tx: Connection, console: Console, gate: GateSpec) -> NotAllowedError | None:
    """Why an approver whose role names other gates may not edit this one, or None where they may."""
    person, environment = console.person, console.environment
    if _covers(tx, person, environment, gate):
        return None
    holders = rights.holders(tx, Right.EDIT_GATES, environment)
    may = [other for other in holders if _covers(tx, other, environment, gate)]
    grant = rights.grant_of(tx, person, environment)
    own = ", ".join(grant.gates or ()) if grant is not None else ""
    return NotAllowedError(
        f"{person} is approver in {environment}, and may edit only {own or 'no gate'}",
        where=gate.key,
        hint=f"who may: {', '.join(may[:5]) or 'nobody'}",
    )


def _covers(tx: Connection, person: str, environment: str, gate: GateSpec) -> bool:
    """Whether a person's role covers the gate; roles above approver are not bound to named gates."""
    grant = rights.grant_of(tx, person, environment)
    if grant is None:
        return False
    return grant.role is not Role.APPROVER or may_edit(grant.gates, gate)
