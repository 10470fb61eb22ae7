"""Writes a model card from facts: what it is, what it is for, where it stands, where it came from.

make_card() is the one function to call. card_quality.py writes the sections on how good the model is.
"""

from __future__ import annotations

from collections.abc import Iterator

from quarterdeck.core.card import Bullets, Card, CardFacts, Facts, Section, Table, Text, moment
from quarterdeck.core.card_limits import limits, warnings
from quarterdeck.core.card_quality import about_of, main_metric, quality_sections
from quarterdeck.core.card_words import (
    KIND_WORDS,
    STATE_WORDS,
    TASK_WORDS,
    VERDICT_WORDS,
    gate_words,
    metric_words,
    number,
    percent,
    plain_number,
)
from quarterdeck.core.models.signature import Field
from quarterdeck.core.values import Outcome

_CATEGORIES = 8  # of a field, that are listed


def make_card(facts: CardFacts) -> Card:
    """The card of a version as it is now; the same facts give the same card."""
    version = facts.version
    sections = [
        Section(title="In short", blocks=(Bullets(items=tuple(_short(facts))),)),
        _purpose(facts),
        _standing(facts),
        *quality_sections(facts),
        _gates(facts),
        _approvals(facts),
        Section(title="Limits", blocks=(Bullets(items=tuple(limits(facts))),)),
        _data(facts),
        _takes(facts),
        _origin(facts),
        _history(facts),
    ]
    return Card(title=f"Model card: {version.reference}", as_of=_as_of(facts), sections=tuple(sections))


def _as_of(facts: CardFacts) -> str:
    where = f"in {facts.environment}"
    if facts.last_entry is None:
        return f"As things stand {where}; the ledger is empty."
    return f"As of entry {facts.last_entry.seq} of the ledger, {moment(facts.last_entry.at)}, {where}."


def _short(facts: CardFacts) -> Iterator[str]:
    version, metric = facts.version, main_metric(facts)
    kind = TASK_WORDS[version.signature.task]
    says = f": {facts.description}" if facts.description else ""
    yield f"It predicts {version.signature.target} ({kind}){says}"
    yield f"It is {version.state}: {STATE_WORDS[version.state]}."
    if metric is not None:
        yield metric_words(metric, version.metrics[metric], about_of(facts), owner=facts.owner)
    passed = sum(item.outcome is Outcome.PASS for item in version.verdicts)
    asked = len(version.verdicts)
    yield f"{passed} of {asked} gates passed." if asked else "No gates were asked: nothing was required of it."
    found = warnings(facts)
    if found:
        things = "One thing" if len(found) == 1 else f"{len(found)} things"
        yield f"{things} to know before relying on it: see Limits."


def _purpose(facts: CardFacts) -> Section:
    signature = facts.version.signature
    pairs = [
        ("What it is for", facts.description or "not said in the pipeline's manifest"),
        ("Owner", facts.owner or "not said in the pipeline's manifest"),
        ("It predicts", f"{signature.target}: {TASK_WORDS[signature.task]}"),
        ("From", f"{len(signature.fields)} fields, listed under What it takes"),
        ("It is", KIND_WORDS[facts.version.kind]),
    ]
    if signature.classes:
        pairs.insert(3, ("Classes", ", ".join(str(item) for item in signature.classes)))
    blocks: list[Facts | Text] = [Facts(pairs=tuple(pairs))]
    if facts.from_store:
        blocks.append(Text(text="The pipeline's folder cannot be read any more; this is what was last known of it."))
    return Section(title="Purpose", blocks=tuple(blocks))


def _standing(facts: CardFacts) -> Section:
    version = facts.version
    pairs = [("State", f"{version.state}: {STATE_WORDS[version.state]}")]
    if facts.rollout:
        pairs.append(("Rollout", facts.rollout))
    if facts.here.challenger == version.number:
        share = f"{facts.here.weight:g} % of the requests get its answer"
        pairs.append(("Traffic", share if facts.here.weight else "clients do not get its answers; it answers unseen"))
    blocks: list[Facts | Table | Text] = [Facts(pairs=tuple(pairs))]
    if facts.names:
        rows = tuple(
            (item.environment, *(_name(number) for number in (item.champion, item.challenger, item.previous)))
            for item in facts.names
        )
        says = "Which version bears which name of this model, by environment. The champion answers, the challenger is "
        blocks.append(Text(text=says + "compared with it, and a rollback returns to the previous one."))
        blocks.append(Table(columns=("Environment", "Champion", "Challenger", "Previous"), rows=rows, right=(1, 2, 3)))
    else:
        blocks.append(Text(text="No version of this model bears a name in any environment."))
    return Section(title="Where it stands", blocks=tuple(blocks))


def _name(version: int | None) -> str:
    return "-" if version is None else str(version)


def _gates(facts: CardFacts) -> Section:
    version = facts.version
    if not version.verdicts:
        text = "No gates were asked of this version. A gate is a condition that a version must meet before it is used."
        return Section(title="Gates", blocks=(Text(text=text),))
    outcomes = {item.outcome for item in version.verdicts}
    words = "; ".join(f"{item.upper()}: {VERDICT_WORDS[item]}" for item in Outcome if item in outcomes)
    told = "" if version.gate_set is None else f" This is version {version.gate_set} of the model's gates."
    text = f"A gate is a condition that a version must meet before it is used. {words}.{told}"
    rows = []
    for item in version.verdicts:
        asked = f"{item.gate} ({gate_words(item.metric, item.gate, in_slice=item.slice is not None)})"
        found = item.reason
        if item.interval is not None:
            low, high = item.interval
            found += f"; with its uncertainty {number(low)} to {number(high)}"
        found += f"; {item.n:,} rows" if item.n else ""
        found += f"; {item.rows_needed:,} more needed" if item.rows_needed else ""
        found += f"; owner {item.owner}" if item.owner else ""
        rows.append((item.outcome.upper(), asked, found))
    return Section(
        title="Gates", blocks=(Text(text=text), Table(columns=("Verdict", "Asked", "Found"), rows=tuple(rows)))
    )


def _approvals(facts: CardFacts) -> Section:
    needed = facts.approvals_needed
    asked = f"{needed} {'person' if needed == 1 else 'people'} must approve it before it is promoted."
    text = f"An approval is a person's yes to this version in {facts.environment}. "
    text += asked if needed else "None is required here."
    if not facts.approvals:
        return Section(title="Approvals", blocks=(Text(text=f"{text} Nobody has approved it."),))
    rows = tuple((item.person, moment(item.at), item.reason or "-") for item in facts.approvals)
    return Section(title="Approvals", blocks=(Text(text=text), Table(columns=("Who", "When", "Why"), rows=rows)))


def _data(facts: CardFacts) -> Section:
    version, evaluation = facts.version, facts.evaluation
    if evaluation is None or not evaluation.data:
        pairs = (("Rows learned from", f"{version.rows:,}" if version.rows else "unknown"), ("Time", _span(facts)))
        return Section(title="Data", blocks=(Facts(pairs=pairs),))
    names = {"train": "learned from", "holdout": "held out, to measure on"}
    rows = tuple(
        (
            names.get(item.name, item.name),
            f"{item.rows:,}",
            f"{moment(item.first)} to {moment(item.last)}" if item.first else "unknown",
            item.sha256[:16] if item.sha256 else "not kept",
        )
        for item in evaluation.data
    )
    says = (
        "The held-out rows were kept from the model while it learned. The fingerprint is computed from every byte of "
        "the rows: other rows have another one."
    )
    table = Table(columns=("Rows", "Number", "From and to", "Fingerprint"), rows=rows, right=(1,))
    return Section(title="Data", blocks=(Text(text=says), table, *_target(facts)))


def _target(facts: CardFacts) -> Iterator[Text]:
    evaluation = facts.evaluation
    if evaluation is None:
        return
    name = facts.version.signature.target
    if evaluation.target.shares:
        shares = ", ".join(f"{label} in {percent(share)}" for label, share in evaluation.target.shares)
        yield Text(text=f"On the held-out rows {name} was {shares}.")
    elif evaluation.target.quantiles:
        known = dict(evaluation.target.quantiles)
        low, middle, high = (number(known.get(share)) for share in (0.05, 0.5, 0.95))
        yield Text(
            text=f"On the held-out rows {name} lay between {low} and {high} nine times of ten; half below {middle}."
        )


def _span(facts: CardFacts) -> str:
    version = facts.version
    if version.trained_from is None:
        return "unknown"
    return f"{moment(version.trained_from)} to {moment(version.trained_to)}"


def _takes(facts: CardFacts) -> Section:
    fields = facts.version.signature.fields
    rows = tuple((field.name, field.kind.value, _seen(field), "yes" if field.nullable else "no") for field in fields)
    text = (
        "What a request must hold, and what the model saw of it while it learned. A request outside is still answered"
    )
    text += " where its type is right, but the model has no experience there."
    table = Table(columns=("Field", "Type", "Seen in training", "May be missing"), rows=rows)
    return Section(title="What it takes", blocks=(Text(text=text), table))


def _seen(field: Field) -> str:
    if field.categories is not None:
        shown = ", ".join(field.categories[:_CATEGORIES])
        more = len(field.categories) - _CATEGORIES
        return f"{shown}, and {more} more" if more > 0 else shown or "nothing"
    if field.minimum is not None and field.maximum is not None:
        return f"{plain_number(field.minimum)} to {plain_number(field.maximum)}"
    return "anything"


def _origin(facts: CardFacts) -> Section:
    version, run = facts.version, facts.run
    pairs: list[tuple[str, str]] = [("Registered", moment(version.created))]
    if version.origin is not None:
        pairs += [(f"Imported: {key.replace('_', ' ')}", _plain(value)) for key, value in version.origin.items()]
    if run is not None:
        pairs += [("Made by", f"run {run.id}, asked for by {run.requested_by}"), ("Why", facts.cause or "not said")]
        pairs += _provenance(run.provenance)
    elif version.origin is None:
        pairs.append(("Made by", "no run of a pipeline: where it comes from is not recorded"))
    pairs += [
        ("Answers come from", f"{version.engine}: {version.engine_reason}"),
        ("Artifact", version.artifact),
    ]
    if version.onnx is not None:
        pairs.append(("Artifact that is served", version.onnx))
    blocks: list[Facts | Text | Table] = [Facts(pairs=tuple(pairs))]
    made = [(step, sha[:16]) for step, way, _, sha in facts.lineage if way == "out"]
    if made:
        blocks.append(Text(text="What each step of the run made, by its fingerprint:"))
        blocks.append(Table(columns=("Step", "Fingerprint"), rows=tuple(made)))
    return Section(title="How it was made", blocks=tuple(blocks))


def _provenance(known: dict[str, object]) -> Iterator[tuple[str, str]]:
    commit = known.get("commit")
    if commit:
        changed = ", with changes that were not committed" if known.get("dirty") else ""
        yield "Code", f"commit {commit}{changed}"
    else:
        yield "Code", "not under version control"
    for key, name in (("code", "Code fingerprint"), ("manifest", "Manifest fingerprint"), ("python", "Python")):
        if known.get(key):
            yield name, str(known[key])[:16]
    packages = known.get("packages")
    if isinstance(packages, dict) and packages:
        yield "Packages", ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
    if known.get("seed") is not None:
        yield "Random seed", f"{known['seed']}; the same seed, code and data make the same model again"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value) or "none"
    return str(value)


def _history(facts: CardFacts) -> Section:
    if not facts.history:
        return Section(title="History", blocks=(Text(text="The ledger says nothing about this version."),))
    rows = tuple(
        (str(item.seq), moment(item.at), item.act.replace("_", " "), item.actor, item.reason or "-")
        for item in facts.history
    )
    text = "What the ledger says of this version, the newest first. The ledger only grows; a changed entry shows."
    table = Table(columns=("Entry", "When", "What", "Who", "Why"), rows=rows, right=(0,))
    return Section(title="History", blocks=(Text(text=text), table))
