"""Approvals in the store: a person's yes to a version in an environment, given and taken back with a ledger entry."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from quarterdeck.core.approval import Approval, approvals_refusal, counting, missing_approvals, who_may_approve
from quarterdeck.core.errors import (
    ConflictError,
    ManifestError,
    NotAllowedError,
    NotFoundError,
    QuarterdeckError,
    RefusedError,
)
from quarterdeck.core.ledger import Audit
from quarterdeck.core.registry import Version
from quarterdeck.core.rights import Right, is_token, person_of
from quarterdeck.core.values import VersionState
from quarterdeck.store import ledger, rights
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import ApprovalRow
from quarterdeck.store.workspace import Workspace, load_manifest

_approval = table(ApprovalRow)


def approve(tx: Connection, version: Version, audit: Audit) -> Approval:
    """The actor's yes to a version. Refused for tokens, for retired versions, and a second time."""
    environment, person = audit.environment or "", person_of(audit.actor)
    if is_token(person):
        raise NotAllowedError(f"{person} is a token, and approvals are by people", where=version.reference)
    if version.state is VersionState.RETIRED:
        raise RefusedError("it is retired", where=version.reference)
    if person in _people(approvals(tx, version.model, version.number, environment)):
        raise ConflictError(f"{person} has approved it already", where=version.reference)
    row = {"environment": environment, "model": version.model, "version": version.number, "person": person}
    tx.execute(insert(_approval).values(**row, reason=audit.reason, at=audit.at))
    _note(tx, "approve", version.model, version.number, audit, added=person)
    return Approval(**row, reason=audit.reason, at=audit.at)  # type: ignore[arg-type]  # a row is of mixed types


def withdraw(tx: Connection, version: Version, audit: Audit) -> None:
    """Take the actor's own yes back."""
    environment, person = audit.environment or "", person_of(audit.actor)
    if person not in _people(approvals(tx, version.model, version.number, environment)):
        hint = f"`quarterdeck model approvals {version.reference}` shows who has"
        raise NotFoundError(f"{person} has not approved it", where=version.reference, hint=hint)
    tx.execute(delete(_approval).where(_same(version.model, version.number, environment), _approval.c.person == person))
    _note(tx, "unapprove", version.model, version.number, audit, removed=[person])


def clear(tx: Connection, model: str, version: int, audit: Audit) -> None:
    """Take every yes away: a version that was demoted for cause needs new ones."""
    environment = audit.environment or ""
    people = _people(approvals(tx, model, version, environment))
    if people:
        tx.execute(delete(_approval).where(_same(model, version, environment)))
        _note(tx, "unapprove", model, version, audit, removed=people)


def approvals(tx: Connection, model: str, version: int, environment: str) -> list[Approval]:
    """Every yes to a version here, the first given first."""
    query = select(_approval).where(_same(model, version, environment))
    return [value_of(Approval, row) for row in tx.execute(query.order_by(_approval.c.at, _approval.c.person))]


def valid(tx: Connection, model: str, version: int, environment: str) -> list[Approval]:
    """Those that count: of people who may still approve here."""
    holders = rights.holders(tx, Right.APPROVE, environment)
    return list(counting(approvals(tx, model, version, environment), holders))


def missing(tx: Connection, model: str, version: int, environment: str, needed: int) -> int:
    """How many distinct people must still approve a version before it may be promoted here."""
    holders = rights.holders(tx, Right.APPROVE, environment) if needed else []
    return missing_approvals(approvals(tx, model, version, environment), holders, needed)


def may_approve(tx: Connection, model: str, version: int, environment: str) -> list[str]:
    """Who may approve a version here and has not."""
    given = approvals(tx, model, version, environment)
    return who_may_approve(given, rights.holders(tx, Right.APPROVE, environment))


def needed(workspace: Workspace, version: Version) -> int:
    """How many people must approve a version, by the manifest of its pipeline as it stands in the workspace.

    0 for a model without a pipeline. RefusedError where a pipeline made it and its manifest cannot be read: what it
    asks for cannot be told, and is not taken for nothing.
    """
    try:
        return load_manifest(workspace, version.model).rollout.approvals
    except NotFoundError as error:
        if version.run_id is None:
            return 0
        raise _untold(version, error) from error
    except ManifestError as error:
        raise _untold(version, error) from error


def _untold(version: Version, error: QuarterdeckError) -> RefusedError:
    why = f"{error.where}: {error.message}" if error.where else error.message
    return RefusedError(
        f"how many people must approve it cannot be told: {why}",
        where=version.reference,
        hint=f"mend it: `quarterdeck pipeline check {version.model}`; a rollback asks for no approval",
    )


def refused(tx: Connection, model: str, version: int, environment: str, needed: int) -> NotAllowedError | None:
    """Why a version may not be promoted here yet, or None where enough people have approved it."""
    lacking = missing(tx, model, version, environment, needed)
    if not lacking:
        return None
    return approvals_refusal(
        f"{model}@{version}",
        environment,
        missing=lacking,
        needed=needed,
        given=_people(valid(tx, model, version, environment)),
        may=may_approve(tx, model, version, environment),
    )


def _note(
    tx: Connection,
    act: str,
    model: str,
    version: int,
    audit: Audit,
    *,
    added: str = "",
    removed: list[str] | None = None,
) -> None:
    """The ledger entry, with who approves before and after it."""
    now = set(_people(approvals(tx, model, version, audit.environment or "")))
    before = (now | set(removed or ())) - {added}
    noted = {"before": {"approved_by": sorted(before)}, "after": {"approved_by": sorted(now)}}
    ledger.append(tx, audit, act=act, subject=f"{model}@{version}", **noted)


def _people(found: list[Approval]) -> list[str]:
    return [approval.person for approval in found]


def _same(model: str, version: int, environment: str) -> ColumnElement[bool]:
    same = (_approval.c.environment == environment, _approval.c.model == model, _approval.c.version == version)
    return and_(*same)
