"""A filled workspace, made once and copied for every test that touches it."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from quarterdeck.console.context import Console


def _load_seed() -> ModuleType:
    """The helper beside this file: tests are no package, so it is loaded by its path."""
    path = Path(__file__).with_name("seed.py")
    spec = importlib.util.spec_from_file_location("console_seed", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def seed() -> ModuleType:
    return _load_seed()


@pytest.fixture(scope="session")
def _filled(seed: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("filled") / "workspace"
    seed.make_workspace(root)
    with seed.open_console(root) as console:
        seed.seed(console)
    return root


@pytest.fixture
def filled(_filled: Path, tmp_path: Path) -> Path:
    """The folder of a workspace with two models, that the test may change; its daemon and server are this one's."""
    folder = Path(shutil.copytree(_filled, tmp_path / "workspace"))
    with closing(sqlite3.connect(folder / ".quarterdeck" / "quarterdeck.db")) as database:
        database.execute("UPDATE service SET detail = json_remove(detail, '$.home')")
        database.commit()
    return folder


@pytest.fixture
def console(filled: Path, seed: ModuleType) -> Iterator[Console]:
    with seed.open_console(filled) as opened:
        yield opened
