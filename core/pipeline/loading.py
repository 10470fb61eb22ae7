"""From what a manifest names (`uses`) to functions: components, and the user's own modules.

A user's module is imported from its file under a private package of its pipeline, so that two pipelines can
both have a steps.py, and sys.path stays as it is. Modules beside it are reached with a leading dot:
`from .helpers import x`. Every load reads the files again.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
import threading
import traceback
import types
from collections.abc import Callable, Sequence
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import ManifestError, NotFoundError, QuarterdeckError, StepError
from quarterdeck.core.manifest import Manifest, StepSpec
from quarterdeck.core.pipeline.components import load_component
from quarterdeck.core.toml_table import expected_names

PREFIX = "_quarterdeck_pipeline_"

_lock = threading.RLock()  # a load replaces modules; two at once would mix them


def load_functions(manifest: Manifest) -> dict[str, Callable[..., Any]]:
    """The function of every step, by step name.

    ManifestError for a `uses` that names nothing; StepError, with the user's file and line, for code that
    cannot be imported.
    """
    with _lock:
        package = _fresh_package(manifest.folder)
        return {step.name: _function(step, manifest.folder, package) for step in manifest.steps}


def load_user_function(manifest: Manifest, name: str, *, where: str | None = None) -> Callable[..., Any]:
    """A function of the pipeline's steps.py by name, such as a KPI; `where` is the line that names it."""
    with _lock:
        package = _fresh_package(manifest.folder)
        return _named(manifest.folder, package, "steps", name, where)


def _function(step: StepSpec, folder: Path, package: str) -> Callable[..., Any]:
    module, colon, name = step.uses.partition(":")
    if colon:
        return _named(folder, package, module, name, step.where)
    try:
        return load_component(module)
    except NotFoundError as error:
        hint = f'a function of your own is "steps:{module}"'
        raise ManifestError(f"step `{step.name}`: {error.message}", where=step.where, hint=hint) from error


def _named(folder: Path, package: str, module: str, name: str, where: str | None) -> Callable[..., Any]:
    loaded = _module(folder, package, module, where)
    found = getattr(loaded, name, None)
    file = f"{module.replace('.', '/')}.py"
    if found is None:
        own = [key for key, value in vars(loaded).items() if inspect.isfunction(value) and not key.startswith("_")]
        raise ManifestError(f"{file} has no function `{name}`; {expected_names(name, own)}", where=where)
    if not callable(found):
        raise ManifestError(f"`{name}` in {file} is a {type(found).__name__}; expected a function", where=where)
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise ManifestError(f"`{name}` in {file} is async or yields; expected a function that returns", where=where)
    function: Callable[..., Any] = found
    return function


def _module(folder: Path, package: str, module: str, where: str | None) -> types.ModuleType:
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file() and not (file.with_suffix("") / "__init__.py").is_file():
        near = sorted(path.stem for path in folder.glob("*.py"))
        raise ManifestError(f"there is no module {file.name} in {folder}; {expected_names(module, near)}", where=where)
    try:
        return importlib.import_module(f"{package}.{module}")
    except QuarterdeckError:
        raise
    except (Exception, SystemExit) as error:  # importing runs the user's code: anything can come out of it
        raise _import_error(error, folder, file) from error


def _import_error(error: BaseException, folder: Path, file: Path) -> StepError:
    """What failed, at the last line of the user's own code that led there."""
    lines = [
        (frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        lines.append((error.filename, error.lineno))
    filename, line = lines[-1] if lines else (str(file), 1)
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    hint = None
    if isinstance(error, ModuleNotFoundError) and error.name:
        beside = (folder / error.name.split(".")[0]).with_suffix(".py").is_file()
        hint = (
            f"it stands beside: from .{error.name} import ..." if beside else f"install {error.name}, or fix the name"
        )
    shown = Path(filename).relative_to(folder.parent.parent) if len(folder.parts) > 2 else Path(filename)
    return StepError(f"{type(error).__name__}: {reason}".rstrip(": "), where=f"{shown}:{line}", hint=hint)


def _fresh_package(folder: Path) -> str:
    """An empty package for a pipeline's folder, without what an earlier load left."""
    if not any(isinstance(finder, _PipelineFinder) for finder in sys.meta_path):
        # first, since the usual finder would find the same files and load them its own way
        sys.meta_path.insert(0, _PipelineFinder())
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    name = f"{PREFIX}{re.sub(r'[^a-z0-9]', '_', folder.name)}_{digest}"
    for loaded in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[loaded]
    package = types.ModuleType(name, f"The modules of the pipeline in {folder}.")
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    return name


class _PipelineFinder:
    """Finds the modules of pipeline packages, and of nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        for folder in path or ():
            # a finder of its own each time: a kept one would not see a file added within the same second
            spec = FileFinder(folder, (_SourceLoader, [".py"])).find_spec(fullname, target)
            if spec is not None:
                return spec
        return None


class _SourceLoader(SourceFileLoader):
    """Always compiles the source.

    Python takes a compiled file for current by size and whole second, so that an edit right after a run could
    go unnoticed; nor should the user's folder fill with compiled files.
    """

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)
