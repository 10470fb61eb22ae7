"""When the cache key of a step changes, and when it does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quarterdeck.core.manifest import Manifest, StepSpec
from quarterdeck.core.pipeline import cache
from quarterdeck.core.pipeline.cache import cache_key, code_hash, is_component
from quarterdeck.core.pipeline.components import load_component
from quarterdeck.core.pipeline.loading import load_functions
from quarterdeck.core.values import Task

INPUTS = {"frame": "ab" * 32}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pipelines" / "trips"
    (place / "tests").mkdir(parents=True)
    (place / "steps.py").write_text("def clean(frame, *, limit=1):\n    return frame\n")
    (place / "helpers.py").write_text("LIMIT = 1\n")
    return place


def load(folder: Path) -> Callable[..., Any]:
    manifest = Manifest(
        name="trips",
        task=Task.BINARY,
        target="y",
        folder=folder,
        steps=(StepSpec(name="clean", uses="steps:clean"),),
    )
    return load_functions(manifest)["clean"]


def key(function: Callable[..., Any], info: Any, *, takes_info: bool = False, **settings: Any) -> str | None:
    return cache_key(function, settings, INPUTS, info, takes_info=takes_info)


def test_the_key_stays_where_nothing_changed_even_in_another_load(folder: Path, info: Any) -> None:
    before = key(load(folder), info(), limit=2, names=["a"])
    os.utime(folder / "steps.py", (0, 0))
    assert key(load(folder), info(), names=["a"], limit=2) == before
    assert before is not None and len(before) == 64


@pytest.mark.parametrize("file", ["steps.py", "helpers.py"])
def test_the_key_changes_with_any_module_of_the_pipelines_folder(folder: Path, info: Any, file: str) -> None:
    before = key(load(folder), info())
    (folder / file).write_text((folder / file).read_text() + "\n# changed\n")
    assert key(load(folder), info()) != before


def test_the_key_stays_when_only_tests_change(folder: Path, info: Any) -> None:
    before = key(load(folder), info())
    (folder / "tests" / "test_steps.py").write_text("def test_nothing():\n    pass\n")
    assert key(load(folder), info()) == before


def test_the_key_changes_with_settings_inputs_and_seed(folder: Path, info: Any) -> None:
    function = load(folder)
    others = [
        key(function, info(), limit=2),
        cache_key(function, {}, {"frame": "cd" * 32}, info(), takes_info=False),
        key(function, info(seed=8)),
        key(function, info()),
    ]
    assert len(set(others)) == 4


def test_a_step_that_is_told_about_its_pipeline_has_a_key_of_its_own_for_each(folder: Path, info: Any) -> None:
    function, one, other = load(folder), info(), info(target="z")
    assert key(function, one) == key(function, other)
    assert key(function, one, takes_info=True) != key(function, other, takes_info=True)


def test_the_key_does_not_depend_on_where_the_workspace_stands(folder: Path, info: Any) -> None:
    function, here = load(folder), info()
    there = replace(here, workspace=Path("elsewhere"))
    assert key(function, here, takes_info=True) == key(function, there, takes_info=True)


def test_the_key_changes_with_the_version_of_a_package(
    folder: Path, info: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = load(folder)
    before = key(function, info())
    installed = cache._version
    monkeypatch.setattr(cache, "_version", lambda name: "9.9" if name == "polars" else installed(name))
    assert key(function, info()) != before


def test_a_step_without_inputs_that_reads_what_we_cannot_see_has_no_key(folder: Path, info: Any) -> None:
    assert cache_key(load(folder), {}, {}, info(), takes_info=False) is None


def test_read_table_is_known_by_the_bytes_of_its_files(info: Any) -> None:
    read_table, place = load_component("read_table"), info()
    path = place.workspace / "table.csv"
    path.write_text("a\n1\n")
    keys = [cache_key(read_table, {"source": "table.csv"}, {}, place, takes_info=True) for _ in range(2)]
    os.utime(path, (0, 0))
    keys.append(cache_key(read_table, {"source": "table.csv"}, {}, place, takes_info=True))
    assert len(set(keys)) == 1 and keys[0] is not None
    path.write_text("a\n2\n")
    assert cache_key(read_table, {"source": "table.csv"}, {}, place, takes_info=True) != keys[0]


def test_a_components_code_is_its_module_and_a_users_is_not_a_component(folder: Path) -> None:
    assert code_hash(load_component("fit")) != code_hash(load_component("evaluate"))
    assert is_component(load_component("fit"))
    assert not is_component(load(folder))
    assert not is_component(pl.read_csv)
