"""The traffic plan as the prediction server reads it: for every model of an environment, which versions answer.

Written with light table constructs instead of the classes in tables/: those need SQLModel, half a second at the
server's start. A test compares what is read here with what registry.py says.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Connection, column, func, select, table

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
)
_alias = table("alias", column("environment"), column("model"), column("alias"), column("version"))

_GOOD = (VersionState.CANDIDATE.value, VersionState.ACCEPTED.value)  # the newest of these may be promoted next


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedVersion:
    """A version as far as the server needs it. Versions are immutable: (model, number) names one for good."""

    model: str
    number: int
    artifact: str  # SHA-256 of the model that scikit-learn loads
    onnx: str | None  # SHA-256 of the converted model
    engine: Engine
    signature: Signature

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
    """A model's part of the plan. `standby`: worth holding ready, the newest good version and the previous champion."""

    name: str
    champion: PlannedVersion | None
    challenger: PlannedVersion | None
    standby: tuple[PlannedVersion, ...] = ()


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
    newest = {model: number for model, number in tx.execute(_newest_good())}
    wanted = {(model, number) for model, named in aliases.items() for number in named.values()}
    versions = _versions(tx, sorted(wanted | set(newest.items())))
    names = tx.execute(select(_version.c.model).distinct().order_by(_version.c.model)).scalars()
    return TrafficPlan(
        endpoints={name: _endpoint(name, aliases.get(name, {}), newest.get(name), versions) for name in names}
    )


def signature_of(tx: Connection, model: str) -> Signature | None:
    """The newest version's signature: what a label of this model looks like where nothing is live."""
    query = select(_version.c.signature).where(_version.c.model == model).order_by(_version.c.number.desc())
    found = tx.execute(query.limit(1)).scalar()
    return None if found is None else Signature.from_json(found)


def _newest_good() -> Any:
    query = select(_version.c.model, func.max(_version.c.number)).where(_version.c.state.in_(_GOOD))
    return query.group_by(_version.c.model)


def _versions(tx: Connection, keys: list[tuple[str, int]]) -> dict[tuple[str, int], PlannedVersion]:
    """The versions of these keys, in one query a model; a key without a row is left out."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for model, number in keys:
        numbers[model].append(number)
    result = {}
    for model, wanted in numbers.items():
        for row in tx.execute(select(_version).where(_version.c.model == model, _version.c.number.in_(wanted))):
            result[(model, row.number)] = PlannedVersion(
                model=model, number=row.number, artifact=row.artifact, onnx=row.onnx, engine=Engine(row.engine),
                signature=Signature.from_json(row.signature),
            )
    return result


def _endpoint(
    name: str, named: dict[Alias, int], newest: int | None, versions: dict[tuple[str, int], PlannedVersion]
) -> PlannedEndpoint:
    def version(number: int | None) -> PlannedVersion | None:
        return None if number is None else versions.get((name, number))

    champion, challenger = version(named.get(Alias.CHAMPION)), version(named.get(Alias.CHALLENGER))
    ready = {item.number: item for item in (version(named.get(Alias.PREVIOUS)), version(newest)) if item is not None}
    live = {item.number for item in (champion, challenger) if item is not None}
    standby = tuple(item for number, item in sorted(ready.items()) if number not in live)
    return PlannedEndpoint(name=name, champion=champion, challenger=challenger, standby=standby)
