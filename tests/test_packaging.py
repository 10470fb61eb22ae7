"""What is installed is what is on the disk, and the locks are whole, hashed and without an address."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TOP = ("console", "core", "sample_data", "scheduler", "store")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock")
CLIENTS = "requirements-clients.lock"  # an environment of its own, with nothing of ours
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def folders_with_code() -> set[str]:
    """Every folder with a Python file, but for the workspace that `init` copies: that is data."""
    found = set()
    for top in TOP:
        for file in (ROOT / top).rglob("*.py"):
            if "__pycache__" not in file.parts and not file.is_relative_to(ROOT / "sample_data" / "workspace"):
                found.add("quarterdeck." + ".".join(file.parent.relative_to(ROOT).parts))
    return found


def test_every_folder_with_code_is_a_package() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(folders_with_code())
    assert len(listed) == len(set(listed))


def test_every_package_says_what_lives_there() -> None:
    silent = [
        name
        for name in folders_with_code()
        if not name.endswith(".versions")  # Alembic's own folder
        and not (ROOT.joinpath(*name.split(".")[1:]) / "__init__.py").is_file()
    ]
    assert silent == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What is in a wheel that is built from a copy of the tree."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    for name in TOP:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    program = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", program, str(copy)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=110)
    with zipfile.ZipFile(next(copy.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_a_wheel_holds_every_file_of_the_tree(wheel: set[str]) -> None:
    """Code, styles, templates and sample data, the workspace's dotfiles among them."""
    wanted = {
        f"quarterdeck/{path.relative_to(ROOT)}"
        for top in TOP
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - wheel == set()
    assert {name for name in wheel - wanted if ".dist-info/" not in name} == set()


@pytest.mark.parametrize("name", (*LOCKS, CLIENTS))
def test_a_lock_pins_and_hashes_everything_and_names_no_place(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all(PIN.match(entry) and "--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|index-url|find-links|file:", text)


@pytest.mark.parametrize("name", (*LOCKS, CLIENTS))
def test_a_lock_holds_what_the_project_asks_for(name: str) -> None:
    pins: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / name).read_text(encoding="utf-8")):
        pins.setdefault(canonicalize_name(package), set()).add(version)
    groups = PROJECT["dependency-groups"]
    asked = [*PROJECT["project"]["dependencies"], *groups["build"], *(groups["dev"] if "dev" in name else ())]
    if name == CLIENTS:
        asked = groups["clients"]
    for text in asked:
        wanted = Requirement(text)
        versions = pins.get(canonicalize_name(wanted.name), set())
        assert versions, wanted.name
        assert all(wanted.specifier.contains(version) for version in versions), text


def test_the_two_locks_agree() -> None:
    runtime, dev = (set(PIN.findall((ROOT / name).read_text(encoding="utf-8"))) for name in LOCKS)
    assert runtime <= dev


def test_a_runtime_install_is_at_most_sixty_packages() -> None:
    text = (ROOT / LOCKS[0]).read_text(encoding="utf-8")
    assert len({name for name, _ in PIN.findall(text)}) <= 60


def test_both_names_of_the_command_are_installed() -> None:
    found = {item.name: item.value for item in metadata.entry_points(group="console_scripts")}
    assert found["quarterdeck"] == found["qd"] == "quarterdeck.console.main:main"
