"""The model card of a version, gathered in one look at the store; and the evaluation it rests on."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.console.queries.common import cause_in_words
from quarterdeck.core.card import Card, CardFacts, Named
from quarterdeck.core.card_sections import make_card
from quarterdeck.core.errors import QuarterdeckError, RefusedError
from quarterdeck.core.evaluation import Evaluation
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rollout import step_text
from quarterdeck.core.values import Alias
from quarterdeck.store import approvals, ledger, live_at, pipelines, registry, rollouts, runs, steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.workspace import load_manifest

HISTORY = 50  # entries of the ledger that a card shows
_LATEST = datetime.max.replace(tzinfo=UTC)


def card_of(console: Console, reference: str) -> tuple[Version, Card]:
    """The card of `flights@3`, `flights@champion` or `flights` (its champion), as it is now."""
    with console.database.read() as tx:
        version = registry.resolve(tx, parse_reference(reference), console.environment)
        return version, make_card(facts_of(tx, console, version))


def facts_of(tx: Connection, console: Console, version: Version) -> CardFacts:
    """All that the card is written from. What cannot be read is said in the card, and is no error."""
    environment = console.environment
    evaluation, why = _evaluation(console, version)
    description, owner, from_store = _purpose(tx, console, version.model)
    run = None if version.run_id is None else runs.get(tx, version.run_id)
    champion = registry.aliases(tx, version.model, environment).get(Alias.CHAMPION)
    rollout = rollouts.open_of(tx, environment, version.model)
    return CardFacts(
        version=version,
        environment=environment,
        last_entry=next(iter(ledger.entries(tx, limit=1)), None),
        evaluation=evaluation,
        no_evaluation=why,
        description=description,
        owner=owner,
        from_store=from_store,
        run=run,
        cause="" if run is None else cause_in_words(run.cause),
        lineage=() if run is None else tuple(steps.lineage_of(tx, run.id)),
        approvals=tuple(approvals.valid(tx, version.model, version.number, environment)),
        approvals_needed=_needed(console, version),
        names=_names(tx, version.model),
        rollout=step_text(rollout) if rollout is not None and rollout.version == version.number else "",
        champion=registry.get(tx, version.model, champion) if champion not in (None, version.number) else None,
        history=tuple(ledger.entries(tx, subject=version.reference, limit=HISTORY)),
    )


def load_evaluation(console: Console, sha256: str) -> Evaluation:
    """What was measured of a version. IntegrityError where its bytes are missing or others."""
    store = ArtifactStore(console.settings.artifacts_url or console.workspace.artifacts)
    return Evaluation.from_json(json.loads(store.get(sha256)))


def _evaluation(console: Console, version: Version) -> tuple[Evaluation | None, str]:
    if version.evaluation is None:
        return None, "it was imported" if version.run_id is None else "no evaluation was kept with it"
    try:
        return load_evaluation(console, version.evaluation), ""
    except (QuarterdeckError, ValueError) as error:
        return None, f"its evaluation cannot be read ({error})"


def _purpose(tx: Connection, console: Console, model: str) -> tuple[str, str, bool]:
    """Description and owner: by the manifest in the workspace, else as the store last saw it."""
    try:
        manifest = load_manifest(console.workspace, model)
    except QuarterdeckError:
        known = next((item for item in pipelines.every(tx) if item.name == model), None)
        return ("", "", False) if known is None else (known.description, known.owner, True)
    return manifest.description, manifest.owner or "", False


def _needed(console: Console, version: Version) -> int:
    try:
        return approvals.needed(console.workspace, version)
    except RefusedError:  # the manifest cannot be read: the card says so under Purpose
        return 0


def _names(tx: Connection, model: str) -> tuple[Named, ...]:
    """What bears the model's names in every environment, from the ledger."""
    return tuple(
        Named(
            environment=item.environment,
            champion=item.champion,
            challenger=item.challenger,
            previous=item.previous,
            weight=item.weight,
        )
        for item in live_at.live_at(tx, _LATEST)
        if item.model == model and (item.champion or item.challenger or item.previous)
    )
