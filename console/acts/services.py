"""The act of `quarterdeck service` that changes something: expected inputs for a version of before."""

from __future__ import annotations

from quarterdeck.console.acts.guard import audit_of, check_right, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.store import registry, steps
from quarterdeck.store.artifacts import ArtifactStore

ACT = "keep_expected"


def keep_expected(console: Console, reference: str, *, reason: str) -> tuple[Version, bool]:
    """The version with its expected inputs, and whether they were made now."""
    with console.database.read() as tx:
        version = registry.resolve(tx, parse_reference(reference), console.environment)
    check_right(console, Right.OPERATE, act=ACT, subject=version.reference)
    if version.expected is not None:
        return version, False
    # start-up time: no other act here needs the machine-learning libraries
    from quarterdeck.scheduler.expected import KIND
    from quarterdeck.scheduler.expected import keep_expected as keep
    from quarterdeck.store.codecs import decode

    store = ArtifactStore(str(console.settings.artifacts_url or console.workspace.artifacts))
    kept = keep(store, decode(store.get(version.artifact), store.get))
    if kept is None:
        raise RefusedError("its model answers none of the rows that the checks let pass", where=version.reference)
    with permitted(console, Right.OPERATE, act=ACT, subject=version.reference) as tx:
        steps.record_artifact(tx, kept.sha256, kind=KIND, size=kept.size, now=utc_now())
        return registry.keep_expected(tx, version, kept.sha256, audit_of(console, reason)), True
