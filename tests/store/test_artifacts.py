"""Artifacts: whole or not at all, checked at every load, in a folder and by URL."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.errors import IntegrityError, NotFoundError, UnavailableError
from quarterdeck.store.artifacts import ArtifactStore

DATA = b"a model"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["folder", "file url", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    places = {
        "folder": str(tmp_path / "artifacts"),
        "file url": f"file://{tmp_path}/artifacts",
        "memory": f"memory://{tmp_path.name}",
    }
    return ArtifactStore(places[request.param])


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_comes_back_and_is_named_by_its_sha256(store: ArtifactStore) -> None:
    artifact = store.put(DATA)
    assert (artifact.sha256, artifact.size) == (SHA, 7)
    assert store.get(SHA) == DATA
    assert store.has(SHA)


def test_putting_again_is_no_error_and_an_empty_artifact_is_one_too(store: ArtifactStore) -> None:
    assert store.put(DATA) == store.put(DATA)
    assert store.get(store.put(b"").sha256) == b""


def test_what_is_not_there_is_an_integrity_error_that_says_what_to_do(store: ArtifactStore) -> None:
    assert not store.has(SHA)
    with pytest.raises(IntegrityError, match=r"is missing.*restore it from a backup"):
        store.get(SHA)


def test_removing_forgets_and_removing_nothing_is_no_error(store: ArtifactStore) -> None:
    store.put(DATA)
    store.remove(SHA)
    store.remove(SHA)
    assert not store.has(SHA)


@pytest.mark.parametrize("name", ["", "abc", "../../etc/passwd", SHA.upper(), f"{SHA}\n"])
def test_a_name_that_is_no_sha256_reaches_no_file(store: ArtifactStore, name: str) -> None:
    with pytest.raises(NotFoundError):
        store.get(name)


def test_files_lie_by_their_first_two_digits_and_only_the_owner_may_read_them(tmp_path: Path) -> None:
    ArtifactStore(tmp_path / "artifacts").put(DATA)
    path = tmp_path / "artifacts" / SHA[:2] / SHA[2:]
    assert path.read_bytes() == DATA
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "artifacts").stat().st_mode) == 0o700
    assert files(tmp_path) == [path]


@pytest.mark.parametrize("other", [b"another model", b"a mode1", b"a mod", b""])
def test_other_bytes_under_the_name_are_refused_at_every_load_and_mended_by_putting_again(
    tmp_path: Path, other: bytes
) -> None:
    store = ArtifactStore(tmp_path)
    store.put(DATA)
    path = tmp_path / SHA[:2] / SHA[2:]
    path.write_bytes(other)
    for _ in range(2):
        with pytest.raises(IntegrityError, match=r"holds other bytes.*do not use it"):
            store.get(SHA)
    store.put(DATA)
    assert store.get(SHA) == DATA


def test_many_writers_of_the_same_bytes_leave_one_whole_file(tmp_path: Path) -> None:
    data = os.urandom(200_000)
    with ThreadPoolExecutor(8) as pool:
        found = {artifact.sha256 for artifact in pool.map(lambda _: ArtifactStore(tmp_path).put(data), range(40))}
    assert len(found) == 1
    assert ArtifactStore(tmp_path).get(found.pop()) == data
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_full_disk_leaves_nothing_behind_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "write":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    store = ArtifactStore(tmp_path)
    with pytest.raises(UnavailableError, match=r"no room left.*free some space"):
        store.put(DATA)
    monkeypatch.undo()
    assert files(tmp_path) == []
    assert store.put(DATA).sha256 == SHA


def test_a_place_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match="cannot be written"):
        ArtifactStore(tmp_path / "file").put(DATA)
    with pytest.raises(UnavailableError, match="cannot be kept there"):
        ArtifactStore("nosuchplace://bucket").put(DATA)


def test_a_writer_that_is_killed_leaves_no_file_under_the_name(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from quarterdeck.store.artifacts import ArtifactStore
os.fsync = lambda descriptor: os._exit(9)
ArtifactStore(Path({str(tmp_path)!r})).put({DATA!r})
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert done.returncode == 9
    store = ArtifactStore(tmp_path)
    assert not store.has(SHA)
    assert store.get(store.put(DATA).sha256) == DATA


def test_importing_the_store_of_artifacts_loads_nothing_heavy() -> None:
    program = (
        "import sys, quarterdeck.store.artifacts\n"
        "heavy = {'numpy', 'polars', 'sklearn', 'fsspec', 'sqlalchemy', 'skops'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
