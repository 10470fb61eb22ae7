"""Acts on rollouts. `seen` is the rollout as the operator saw it: the act is refused if it has changed since."""

from __future__ import annotations

from datetime import datetime

from quarterdeck.console.acts.guard import audit_of, permitted
from quarterdeck.console.acts.models import check_promotion
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import RolloutSpec, Strategy
from quarterdeck.core.registry import parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.core.rollout import Rollout, RolloutState
from quarterdeck.core.rollout_moves import abort, pause, promote_now, resume
from quarterdeck.core.rollout_spec import with_strategy
from quarterdeck.store import registry, rollouts
from quarterdeck.store.workspace import load_manifest


def start_rollout(console: Console, reference: str, *, reason: str, strategy: Strategy | None = None) -> Rollout:
    """Begin a rollout of a version, as its pipeline's manifest says or by another strategy. The daemon moves it on."""
    wanted = parse_reference(reference)
    if wanted.version is None:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    spec = rollout_spec(console, wanted.model, strategy)
    with permitted(console, Right.OPERATE, act="start_rollout", subject=reference) as tx:
        audit = audit_of(console, reason)
        begun = rollouts.begin(tx, wanted.model, wanted.version, spec, audit)
        if spec.strategy is not Strategy.DIRECT:
            return begun
        done = rollouts.settle(tx, begun, audit)
        if done.state in (RolloutState.PROMOTED, RolloutState.BAKING):
            check_promotion(tx, console, registry.get(tx, wanted.model, wanted.version))
        return done


def rollout_spec(console: Console, model: str, strategy: Strategy | None = None) -> RolloutSpec:
    """What the pipeline's manifest says; for a model without a pipeline the defaults, in shadow."""
    try:
        spec = load_manifest(console.workspace, model).rollout
    except NotFoundError:
        spec = RolloutSpec(strategy=Strategy.SHADOW)
    return spec if strategy is None else with_strategy(spec, strategy)


def pause_rollout(console: Console, which: str, *, reason: str, seen: Rollout | None = None) -> Rollout:
    """Keep a rollout at its step until it is resumed; a failing analysis still rolls it back."""
    with permitted(console, Right.OPERATE, act="pause_rollout", subject=which) as tx:
        found = seen or rollouts.find(tx, console.environment, which)
        audit = audit_of(console, reason)
        return rollouts.apply(tx, found, pause(found, now=_after(found, audit), reason=reason), audit)


def resume_rollout(console: Console, which: str, *, reason: str, seen: Rollout | None = None) -> Rollout:
    """Let a paused rollout go on; the analysis of its step begins anew."""
    with permitted(console, Right.OPERATE, act="resume_rollout", subject=which) as tx:
        found = seen or rollouts.find(tx, console.environment, which)
        audit = audit_of(console, reason)
        return rollouts.apply(tx, found, resume(found, now=_after(found, audit), reason=reason), audit)


def abort_rollout(console: Console, which: str, *, reason: str, seen: Rollout | None = None) -> Rollout:
    """End a rollout: the champion stays; after the promotion the previous champion answers again."""
    with permitted(console, Right.DEMOTE, act="abort_rollout", subject=which) as tx:
        found = seen or rollouts.find(tx, console.environment, which)
        audit = audit_of(console, reason)
        return rollouts.apply(tx, found, abort(found, now=_after(found, audit), reason=reason), audit)


def promote_rollout(console: Console, which: str, *, reason: str, seen: Rollout | None = None) -> Rollout:
    """Skip the rest of a rollout's steps: its version becomes champion, if gates and approvals allow it."""
    with permitted(console, Right.PROMOTE, act="promote", subject=which) as tx:
        found = seen or rollouts.find(tx, console.environment, which)
        audit = audit_of(console, reason)
        done = rollouts.apply(tx, found, promote_now(found, now=_after(found, audit), reason=reason), audit)
        # last, in the same transaction: what the rules refuse anyhow needs nobody's yes
        check_promotion(tx, console, registry.get(tx, found.model, found.version))
        return done


def _after(found: Rollout, audit: Audit) -> datetime:
    """The time of the act; not before the rollout's last move, whatever the clocks say."""
    return max(audit.at, found.updated_at)
