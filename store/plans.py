"""The traffic plan as the prediction server reads it.

For every model of an environment, which versions answer, and what share of the requests each.

Written with light table constructs instead of the classes in tables/: those need SQLModel, half a second at
the server's start. A test compares what is read here with what registry.py says.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, column, func, select, table

from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Alias, Engine, VersionState

_version = table(
    "version",
    column("model"),
    column("number"),
    column("state"),
    column("artifact"),
    column("onnx"),
    column("engine"),
    column("signature", JSON),
    column("profile"),
)
_pipeline = table("pipeline", column("name"), column("window"))
_alias = table("alias", column("environment"), column("model"), column("alias"), column("version"))
_split = table(
    "split", column("environment"), column("model"), column("version"), column("weight"), column("shadow", Boolean)
)

NOBODY = 0  # the width of windows of a model that has no pipeline: nobody watches it

_GOOD = (
    VersionState.CANDIDATE.value,
    VersionState.ACCEPTED.value,
)  # the newest of these may be promoted next


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedVersion:
    """A version as far as the server needs it. Versions are immutable: (model, number) names one for good."""

    model: str
    number: int
    artifact: str  # SHA-256 of the model that scikit-learn loads
    onnx: str | None  # SHA-256 of the converted model
    engine: Engine
    signature: Signature
    profile: str | None = None  # SHA-256 of what its training rows looked like

    @property
    def key(self) -> tuple[str, int]:
        return (self.model, self.number)

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.number}"

    @property
    def digest(self) -> str:
        """SHA-256 of the artifact that the version's engine loads."""
        return self.onnx if self.engine is Engine.ONNX and self.onnx is not None else self.artifact


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedEndpoint:
    """A model's part of the plan.

    `standby`: worth holding ready, the newest good version and the previous champion.
    """

    name: str
    signature: Signature  # the champion's, or where there is none the newest version's: what a label looks like
    champion: PlannedVersion | None
    challenger: PlannedVersion | None
    standby: tuple[PlannedVersion, ...] = ()
    weight: float = 0.0  # percent of the requests that the challenger answers to clients
    shadow: bool = True  # whether it answers those that the champion answers in shadow
    window: int | None = NOBODY  # microseconds that the monitor looks at together; None: not known yet


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficPlan:
    """Every model that has a version, by name; one without a champion here has an endpoint that cannot answer."""

    endpoints: dict[str, PlannedEndpoint]


def read_plan(tx: Connection, environment: str) -> TrafficPlan:
    """What answers in an environment now."""
    aliases: dict[str, dict[Alias, int]] = defaultdict(dict)
    found = select(_alias.c.model, _alias.c.alias, _alias.c.version).where(_alias.c.environment == environment)
    for model, alias, number in tx.execute(found):
        aliases[model][Alias(alias)] = number
    splits = _splits(tx, environment)
    windows = dict(tx.execute(select(_pipeline.c.name, _pipeline.c.window)).all())
    newest = dict(tx.execute(_newest(_version.c.state.in_(_GOOD))).all())
    last = dict(tx.execute(_newest()).all())  # of any state: every model has one
    wanted = {(model, number) for model, named in aliases.items() for number in named.values()}
    versions = _versions(tx, wanted | set(newest.items()) | set(last.items()))
    return TrafficPlan(
        endpoints={
            name: replace(
                _endpoint(aliases.get(name, {}), versions[name, last[name]], newest.get(name), versions, splits),
                window=windows.get(name, NOBODY),
            )
            for name in sorted(last)
        }
    )


def _splits(tx: Connection, environment: str) -> dict[tuple[str, int], tuple[float, bool]]:
    """(weight, shadow) of every challenger that was given a share, by its key."""
    found = select(_split.c.model, _split.c.version, _split.c.weight, _split.c.shadow)
    rows = tx.execute(found.where(_split.c.environment == environment))
    return {(model, version): (weight, shadow) for model, version, weight, shadow in rows}


def _newest(*where: Any) -> Any:
    """The greatest number of every model's versions."""
    return select(_version.c.model, func.max(_version.c.number)).where(*where).group_by(_version.c.model)


def _versions(tx: Connection, keys: set[tuple[str, int]]) -> dict[tuple[str, int], PlannedVersion]:
    """The versions of these keys, in one query a model."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for model, number in keys:
        numbers[model].append(number)
    result = {}
    for model, wanted in numbers.items():
        for row in tx.execute(select(_version).where(_version.c.model == model, _version.c.number.in_(wanted))):
            result[(model, row.number)] = PlannedVersion(
                model=model,
                number=row.number,
                artifact=row.artifact,
                onnx=row.onnx,
                engine=Engine(row.engine),
                signature=Signature.from_json(row.signature),
                profile=row.profile,
            )
    return result


def _endpoint(
    named: dict[Alias, int],
    last: PlannedVersion,
    newest: int | None,
    versions: dict[tuple[str, int], PlannedVersion],
    splits: dict[tuple[str, int], tuple[float, bool]],
) -> PlannedEndpoint:
    def version(number: int | None) -> PlannedVersion | None:
        return None if number is None else versions[last.model, number]

    champion, challenger = version(named.get(Alias.CHAMPION)), version(named.get(Alias.CHALLENGER))
    ready = {item.number: item for item in (version(named.get(Alias.PREVIOUS)), version(newest)) if item is not None}
    weight, shadow = (0.0, True) if challenger is None else splits.get(challenger.key, (0.0, True))
    live = {item.number for item in (champion, challenger) if item is not None}
    return PlannedEndpoint(
        name=last.model,
        signature=(champion or last).signature,
        champion=champion,
        challenger=challenger,
        standby=tuple(item for number, item in sorted(ready.items()) if number not in live),
        weight=weight,
        shadow=shadow,
    )
