"""Who answers what: the traffic plan as it was decided, beside what the running server says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.values import Engine, ServiceKind
from quarterdeck.store import registry, services
from quarterdeck.store.plans import PlannedEndpoint, PlannedVersion, read_plan

TIMEOUT_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanVersion:
    """One version of an endpoint's plan."""

    number: int
    role: str  # champion, challenger, or ready: held in memory for what may come next
    weight: float  # percent of the clients' requests that it answers
    shadow: bool  # whether it answers the others unseen
    answers: bool  # whether the server answers clients with it now, as it says
    loaded: bool | None  # whether the server has it in memory; None: no server says so
    problem: str | None  # why it is not loaded, in the server's words
    engine: Engine
    engine_reason: str
    size_bytes: int  # of what the engine loads


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanEndpoint:
    """An endpoint, which bears its model's name."""

    name: str
    versions: tuple[PlanVersion, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServicePlan:
    """Every endpoint of the environment. `source`: where the server's word is from; None: none runs."""

    environment: str
    source: str | None  # its address, or "heartbeat" where it did not answer
    ready: bool
    memory_bytes: int | None  # of the server's process
    problems: tuple[str, ...]
    endpoints: tuple[PlanEndpoint, ...]


def service_plan(console: Console, only: str | None = None) -> ServicePlan:
    """The plan of every endpoint, or of one; an endpoint that is not there gives none."""
    source, said, memory = _server(console)
    with console.database.read() as tx:
        plan = read_plan(tx, console.environment)
        endpoints = tuple(
            PlanEndpoint(name=name, versions=tuple(_versions(tx, endpoint, said)))
            for name, endpoint in plan.endpoints.items()
            if only in (None, name)
        )
    return ServicePlan(
        environment=console.environment,
        source=source,
        ready=bool(said and said.get("ready")),
        memory_bytes=memory,
        problems=tuple((said or {}).get("problems", ())),
        endpoints=endpoints,
    )


def _server(console: Console) -> tuple[str | None, dict[str, Any] | None, int | None]:
    """Where it was asked, what it says of itself, and its memory; Nones where none runs."""
    # start-up time: few commands speak HTTP
    import httpx

    from quarterdeck.scheduler.reaching import reach

    with console.database.read() as tx:
        server = services.find(tx, ServiceKind.SERVER)
    if server is None or not services.is_alive(server):
        return None, None, None
    memory = None
    try:
        memory = psutil.Process(server.pid).memory_info().rss
        reached = reach(console.workspace, server)
        url, headers, verify = f"{reached.address}/readyz", reached.headers, reached.verify
        said = httpx.get(url, headers=headers, verify=verify, timeout=TIMEOUT_S, trust_env=False).json()
        return reached.address, said, memory
    except (httpx.HTTPError, ValueError, psutil.Error, UnavailableError):
        return "heartbeat", dict(server.detail), memory


def _versions(tx: Connection, endpoint: PlannedEndpoint, said: dict[str, Any] | None) -> Iterator[PlanVersion]:
    weight = endpoint.weight if endpoint.challenger is not None else 0.0
    if endpoint.champion is not None:
        yield _version(tx, endpoint.champion, "champion", 100.0 - weight, False, said)
    if endpoint.challenger is not None:
        yield _version(tx, endpoint.challenger, "challenger", weight, endpoint.shadow, said)
    for planned in endpoint.standby:
        yield _version(tx, planned, "ready", 0.0, False, said)


def _version(
    tx: Connection, planned: PlannedVersion, role: str, weight: float, shadow: bool, said: dict[str, Any] | None
) -> PlanVersion:
    version = registry.get(tx, planned.model, planned.number)
    loaded = None if said is None else planned.number in said.get("loaded", {}).get(planned.model, ())
    subject = f"version {planned.reference}: "
    words = next((text for text in (said or {}).get("problems", ()) if text.startswith(subject)), None)
    problem = None if loaded is not False else (words or "not loaded yet").removeprefix(subject)
    return PlanVersion(
        number=planned.number,
        role=role,
        weight=weight,
        shadow=shadow,
        answers=bool(said) and weight > 0 and loaded is True,
        loaded=loaded,
        problem=problem,
        engine=version.engine,
        engine_reason=version.engine_reason,
        size_bytes=version.size_bytes,
    )
