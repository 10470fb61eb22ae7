"""When is a step's result known already? When its code, settings, inputs and packages were all seen before.

The key of a step is a SHA-256 over these, and over the seed. A component that reads files has a fingerprint
of what it reads among its settings. A user's step without inputs reads something that we cannot see, so it
always runs; what comes after it is still taken from the cache where its result is the same.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.loading import PREFIX

COMPONENTS = "quarterdeck.core.pipeline.components."
PACKAGES = ("numpy", "polars", "scikit-learn", "scipy", "pandas")
_NOT_CODE = {"tests", "__pycache__"}

Function = Callable[..., Any]


def cache_key(
    function: Function,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    info: PipelineInfo,
    *,
    takes_info: bool,
) -> str | None:
    """SHA-256 (hex) of all that a step's result depends on, or None where that cannot be known.

    `inputs`: parameter -> SHA-256 of what fills it. `takes_info`: whether the step is told about its
    pipeline.
    """
    fingerprint = getattr(function, "fingerprint", None)
    if not inputs and fingerprint is None:
        return None
    parts = {
        "function": f"{function.__module__.removeprefix(PREFIX)}:{function.__qualname__}",
        "code": code_hash(function),
        "settings": settings,
        "inputs": inputs,
        "seed": info.seed,
        "info": _plain(info) if takes_info else None,
        "reads": None if fingerprint is None else fingerprint(settings, info),
        "packages": _versions((*PACKAGES, *settings.get("packages", ()))),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def code_hash(function: Function) -> str:
    """SHA-256 (hex) of the code that a step may run.

    Of a user's step: every .py file of the pipeline's folder but its tests, since any may be imported at any
    time. Of a component: its module, and the version of the package it comes from.
    """
    digest = hashlib.sha256()
    for name, content in _sources(function):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_component(function: Function) -> bool:
    """Whether a step is one of Quarterdeck's own: these draw on seeds of their own and on nothing global."""
    return function.__module__.startswith(COMPONENTS)


def _sources(function: Function) -> Iterator[tuple[str, bytes]]:
    top = function.__module__.partition(".")[0]
    if top.startswith(PREFIX):
        folder = Path(sys.modules[top].__path__[0])
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder)
            if not _NOT_CODE.intersection(name.parts) and not any(part.startswith(".") for part in name.parts):
                yield str(name), path.read_bytes()
        return
    yield "version", _version(top).encode()
    source = inspect.getsourcefile(inspect.unwrap(function))
    if source is not None:
        yield Path(source).name, Path(source).read_bytes()


def _plain(info: PipelineInfo) -> dict[str, Any]:
    """Where the workspace stands does not matter, so that a copy of it has the same keys."""
    values = asdict(info)
    del values["workspace"]
    return values


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {name: _version(name) for name in packages}
    return {**found, "python": ".".join(platform.python_version_tuple()[:2])}


@cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
