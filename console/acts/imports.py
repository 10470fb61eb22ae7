"""Bringing models in, and taking versions out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterdeck.console.acts.guard import audit_of, check_right, permitted
from quarterdeck.console.context import Console
from quarterdeck.console.formats import counted
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.gates import overall
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.core.values import Alias, Task, VersionState
from quarterdeck.store import gate_sets, ledger, registry, steps
from quarterdeck.store.workspace import load_manifest, pipelines

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from quarterdeck.scheduler.importing.prepare import Place, Prepared
    from quarterdeck.scheduler.importing.request import Beside

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """An import as it is asked for on the command line."""

    name: str
    path: str | None  # a file, a folder, or FILE.py:function
    remote: str | None = None
    like: str | None = None
    rows: Path | None = None
    target: str | None = None
    task: Task | None = None
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The version; `new` is False where it was there already, from the same bytes."""

    version: Version
    new: bool


def import_model(console: Console, wanted: Wanted, *, reason: str, say: Say = lambda _: None) -> Imported:
    """Read, check, try and judge a model from elsewhere, and register it. What goes wrong leaves nothing behind."""
    check_right(console, Right.OPERATE, act="import", subject=wanted.name)
    _check(wanted)
    # start-up time: no other command needs the machine-learning libraries
    from quarterdeck.scheduler.importing.found import find
    from quarterdeck.scheduler.importing.prepare import prepare
    from quarterdeck.scheduler.importing.request import ImportRequest

    path, function = _function(wanted.path)
    request = ImportRequest(
        name=wanted.name, path=path, function=function, remote=wanted.remote, target=wanted.target, task=wanted.task,
        trust=wanted.trust,
    )  # fmt: skip
    place = _place(console)
    beside = _beside(console, wanted, place)
    say(f"reading {wanted.remote or path}")
    found = find(request)
    say("trying it" if beside.rows is None else f"trying it, and judging it on {counted(beside.rows.height, 'row')}")
    prepared = prepare(found, request, beside, _against(console, beside, place), place)
    return _register(console, wanted, prepared, reason)


def export_version(console: Console, reference: str, out: Path) -> list[str]:
    """Write a version as a folder; the names of its files."""
    # start-up time, as above
    from quarterdeck.scheduler.importing.folders import write_folder

    wanted = parse_reference(reference)
    with console.database.read() as tx:
        version = registry.resolve(tx, wanted, console.environment)
        entries = list(reversed(ledger.entries(tx, subject=version.reference, limit=10_000)))
    return write_folder(out, version, entries, _place(console).store, card=_card(console, version))


def _check(wanted: Wanted) -> None:
    if (wanted.path is None) is (wanted.remote is None):
        raise UsageError("name either a file or folder, or --remote URL", hint="quarterdeck model import --help")
    name = parse_reference(wanted.name)
    if name.version is not None or name.alias is not None:
        raise UsageError(f"{wanted.name!r} names a version", hint=f"--name {name.model}: the import gives it a number")


def _function(path: str | None) -> tuple[Path | None, str | None]:
    """FILE.py:function as its two parts."""
    if path is None:
        return None, None
    file, colon, function = path.rpartition(":")
    if colon and file.endswith(".py") and function.isidentifier():
        return Path(file), function
    return Path(path), None


def _place(console: Console) -> Place:
    from quarterdeck.scheduler.importing.prepare import Place
    from quarterdeck.store.artifacts import ArtifactStore

    url = str(console.settings.artifacts_url or console.workspace.artifacts)
    return Place(store=ArtifactStore(url), url=url)


def _beside(console: Console, wanted: Wanted, place: Place) -> Beside:
    from quarterdeck.scheduler.importing.request import Beside

    known = dict(pipelines(console.workspace))
    return Beside(
        rows=None if wanted.rows is None else _rows(wanted.rows),
        like=None if wanted.like is None else _model_of(console, wanted.like, place),
        manifest=load_manifest(console.workspace, wanted.name) if wanted.name in known else None,
    )


def _rows(path: Path) -> Any:
    import polars as pl
    from polars.exceptions import NoDataError, PolarsError

    try:
        found = (
            pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
            if path.suffix == ".csv"
            else pl.read_parquet(path)
        )
    except NoDataError:
        found = pl.DataFrame()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}") from error
    except (PolarsError, OSError) as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"the rows cannot be read: {said}", where=str(path), hint="Parquet, or .csv") from error
    if found.is_empty():
        raise UsageError("the file has no rows", where=str(path), hint="give labelled rows, or leave --rows out")
    return found


def _model_of(console: Console, reference: str, place: Place) -> Any:
    from quarterdeck.store.codecs import decode

    with console.database.read() as tx:
        version = registry.resolve(tx, parse_reference(reference), console.environment)
    return decode(place.store.get(version.artifact), place.store.get)


def _against(console: Console, beside: Beside, place: Place) -> Any:
    """The champion and the gates as they stand, where labelled rows are there to judge by."""
    from quarterdeck.scheduler.importing.prepare import Against

    champion = gate_set = None
    if beside.manifest is not None and beside.rows is not None:
        with console.database.read() as tx:
            gate_set = gate_sets.of_manifest(tx, beside.manifest)
            named = registry.aliases(tx, beside.manifest.name, console.environment)
        if Alias.CHAMPION in named:
            champion = _model_of(console, f"{beside.manifest.name}@{named[Alias.CHAMPION]}", place)
    return Against(champion=champion, gate_set=gate_set, now=utc_now())


def _register(console: Console, wanted: Wanted, prepared: Prepared, reason: str) -> Imported:
    """One transaction: the artifacts, the version, its ledger entry. The same bytes again are no new version."""
    draft = prepared.draft
    with permitted(console, Right.OPERATE, act="import", subject=wanted.name) as tx:
        known = _same(tx, draft, judged=prepared.judged_rows > 0)
        if known is not None:
            return Imported(version=known, new=False)
        for digest, kind, size in prepared.artifacts:
            steps.record_artifact(tx, digest, kind=kind, size=size, now=draft.created)
        evidence = {
            "import": draft.origin,
            "kind": draft.kind.value,
            "judged_rows": prepared.judged_rows,
            "gates": [result.to_json() for result in draft.verdicts],
        }
        version = registry.register(tx, draft, audit_of(console, reason, **evidence))
        return Imported(version=registry.get(tx, version.model, version.number), new=True)


def _same(tx: Connection, draft: Version, *, judged: bool) -> Version | None:
    """The newest version of the same bytes that takes the same and was judged alike; a retired one does not count.

    A model that comes back as it was exported is the same one; without rows it was not judged otherwise either.
    """
    returned = "version" in (draft.origin or {})
    for version in registry.versions(tx, model=draft.model, limit=1_000):
        origin = version.origin or {}
        if version.state is VersionState.RETIRED:
            continue
        alike = not judged or overall(version.verdicts) is overall(draft.verdicts)
        if returned and version.artifact == draft.artifact and alike:
            return version
        if (
            origin.get("sha256") == (draft.origin or {}).get("sha256")
            and origin.get("function") == (draft.origin or {}).get("function")
            and version.signature == draft.signature
            and overall(version.verdicts) is overall(draft.verdicts)
        ):
            return version
    return None


def _card(console: Console, version: Version) -> str:
    """The model card as it stands."""
    from quarterdeck.console.queries.card import card_of  # start-up time, as above
    from quarterdeck.core.card_markdown import to_markdown

    return to_markdown(card_of(console, version.reference)[1])
