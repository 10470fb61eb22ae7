"""A version as a folder that can be carried elsewhere: the model's files, what is known of it, and every hash.

    model.json            the model's document: what the other files are to it
    model.skops | rules.json (and rules.py) | remote.json | model.onnx
    reference.parquet, profile.json, evaluation.json, expected.json, performance.json
    version.json          signature, metrics, verdicts, origin, the ledger's entries about it, and which file is what
    card.md               the model card, where there is one
    SHA256SUMS            of all of them; `sha256sum -c SHA256SUMS` checks it too

The hashes show damage, not forgery: who makes a folder makes its hashes. So what a folder says of its quality is kept
as its origin, and nothing is accepted for it; and its model is loaded with the same audit as any other file.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import ConflictError, IntegrityError, RefusedError, UnavailableError
from quarterdeck.core.ledger import Entry, plain
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import kind_of
from quarterdeck.core.registry import Version
from quarterdeck.scheduler.importing.request import Found
from quarterdeck.scheduler.importing.sources import read_bytes, sha256
from quarterdeck.scheduler.importing.trust import trusted_types
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode

FORMAT = "quarterdeck version"
FORMAT_VERSION = 1
SUMS = "SHA256SUMS"
ABOUT = "version.json"
MODEL = "model.json"
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]*)", re.ASCII)
_ESTIMATOR = {"rules": "rules.json", "remote": "remote.json", "onnx": "onnx.json"}


def is_exported(folder: Path) -> bool:
    return (folder / ABOUT).is_file() and (folder / SUMS).is_file()


def write_folder(
    out: Path, version: Version, entries: Sequence[Entry], artifacts: ArtifactStore, *, card: str | None
) -> list[str]:
    """Write all files or none; their names. ConflictError where `out` is there already and is no empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(
            "it is there already, and nothing is overwritten", where=str(out), hint="name another folder"
        )
    named = _artifacts(version, artifacts)
    files = dict(named)
    if "rules.json" in files:
        files["rules.py"] = json.loads(files["rules.json"])["rules"]["source"].encode()
    if card is not None:
        files["card.md"] = card.encode()
    files[ABOUT] = _about(version, entries, named)
    lines = [f"{sha256(data)}  {name}\n" for name, data in sorted(files.items())]
    _write(out, files | {SUMS: "".join(lines).encode()})
    return [*sorted(files), SUMS]


def read_folder(folder: Path, trust: tuple[str, ...]) -> Found:
    """An exported version, every byte checked. IntegrityError for other bytes than were written."""
    files = _checked(folder)
    try:
        about = json.loads(files[ABOUT])
        if about["format"] != FORMAT or about["format_version"] != FORMAT_VERSION:
            raise RefusedError(f"it is {about['format']!r} {about['format_version']}, not {FORMAT!r} {FORMAT_VERSION}")
        content = {digest: files[name] for digest, name in about["artifacts"].items()}
        _check_names(content)
        document = json.loads(files[MODEL])["model"]
        origin = _origin(folder, files, about["version"])
        kind = _kind(content, document)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise IntegrityError(f"version.json cannot be read: {error}", hint="export it again") from error
    signed = kind in ("rules", "remote")
    origin |= {"signed_by": _signer(kind, trust)} if signed else {}
    trusted = trusted_types(document.get("trusted", ()), () if signed else trust)
    model = decode(files[MODEL], lambda digest: _part(content, digest))
    if not isinstance(model, FittedModel):
        raise IntegrityError("model.json is no model", hint="export it again")
    origin |= {"trusted": list(trusted)} if trusted else {}
    return Found(
        kind=kind_of(model.estimator), origin=origin, make=lambda signature, columns: model.estimator, model=model,
        trusted=trusted,
    )  # fmt: skip


def _kind(content: Mapping[str, bytes], document: Mapping[str, Any]) -> str:
    data = _part(content, document["estimator"])
    return "skops" if data.startswith(b"PK") else str(next(iter(json.loads(data))))


def _signer(kind: str, trust: tuple[str, ...]) -> str:
    """A folder from elsewhere may run code here, or send rows there: a person answers for it by name."""
    if len(trust) == 1 and trust[0].strip():
        return trust[0].strip()
    what = "a Python function, rules.py" if kind == "rules" else "the address of another server, remote.json"
    raise RefusedError(f"it holds {what}", hint="read that file, and sign for it by name: --trust NAME")


def _artifacts(version: Version, artifacts: ArtifactStore) -> dict[str, bytes]:
    """The bytes of everything that the version is made of, by file name."""
    files = {MODEL: artifacts.get(version.artifact)}
    document = json.loads(files[MODEL])["model"]
    estimator = artifacts.get(document["estimator"])
    kind = _kind({document["estimator"]: estimator}, document)
    files[_ESTIMATOR.get(kind, "model.skops")] = estimator
    files["reference.parquet"] = artifacts.get(document["reference"])
    for name, digest in (
        ("model.onnx", version.onnx),
        ("profile.json", version.profile),
        ("evaluation.json", version.evaluation),
        ("expected.json", version.expected),
        ("performance.json", version.performance),
    ):
        if digest is not None:
            files[name] = artifacts.get(digest)
    return files


def _about(version: Version, entries: Sequence[Entry], named: Mapping[str, bytes]) -> bytes:
    """version.json: everything known about the version, as JSON."""
    fields = {name: getattr(version, name) for name in Version.__slots__}
    fields["signature"] = version.signature.to_json()
    fields["verdicts"] = [result.to_json() for result in version.verdicts]
    ledger = [{name: getattr(entry, name) for name in Entry.__slots__} for entry in entries]
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "version": plain(fields),
        "artifacts": {sha256(data): name for name, data in sorted(named.items())},
        "ledger": plain(ledger),
    }
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _origin(folder: Path, files: Mapping[str, bytes], version: Mapping[str, Any]) -> dict[str, Any]:
    """Where it comes from, and what was said of it there."""
    said = {name: version[name] for name in ("created", "rows", "metrics", "state", "origin")}
    gates = [f"{result['outcome'].upper()} {result['gate']}" for result in version["verdicts"]]
    reference = f"{version['model']}@{version['number']}"
    return {
        "file": folder.name, "sha256": sha256(files[MODEL]), "format": FORMAT, "version": reference,
        "elsewhere": said | {"gates": gates},
    }  # fmt: skip


def _checked(folder: Path) -> dict[str, bytes]:
    """The files that SHA256SUMS names, each with the bytes it says."""
    files = {}
    for line in read_bytes(folder / SUMS).decode("utf-8", errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise IntegrityError(f"{SUMS} holds the line {line[:80]!r}", where=str(folder), hint="export it again")
        digest, name = match.groups()
        files[name] = read_bytes(folder / name)
        if sha256(files[name]) != digest:
            raise IntegrityError(f"{name} holds other bytes than {SUMS} says", where=str(folder), hint="do not use it")
    for name in (ABOUT, MODEL):
        if name not in files:
            raise IntegrityError(f"{SUMS} does not name {name}", where=str(folder), hint="export it again")
    return files


def _check_names(content: Mapping[str, bytes]) -> None:
    for digest, data in content.items():
        if sha256(data) != digest:
            raise IntegrityError(f"version.json names {digest[:12]}, and its file is another", hint="do not use it")


def _part(content: Mapping[str, bytes], digest: str) -> bytes:
    if digest not in content:
        raise IntegrityError(f"the part {digest[:12]} of the model is not in the folder", hint="export it again")
    return content[digest]


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """Under another name beside it, then renamed: whoever sees the folder sees all of it."""
    staging = out.with_name(f".{out.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        staging.mkdir(parents=True)
        for name, data in files.items():
            (staging / name).write_bytes(data)
        if out.is_dir():
            out.rmdir()
        staging.rename(out)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        reason = error.strerror or str(error)
        raise UnavailableError(f"it cannot be written: {reason}", where=str(out), hint="check the place") from error
