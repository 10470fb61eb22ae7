"""The folder that a user owns: where everything in it lies, how it is found, and how a new one is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from quarterdeck import sample_data
from quarterdeck.core.errors import ConflictError, NotFoundError, UnavailableError, UsageError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import FILE_NAME, read_manifest
from quarterdeck.core.toml_table import expected_names

SETTINGS_NAME = "quarterdeck.toml"
SAMPLES = ("flights", "weather", "fuel")
INIT_HINT = "make one with `quarterdeck init DIR`, or name one with --workspace or QUARTERDECK_WORKSPACE"

_TEMPLATE = sample_data.FOLDER / "workspace"
_GIT_SECONDS = 30
# Set while git runs a hook; with them a command would work on that other repository.
_GIT_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """A workspace by its root, an absolute path without links."""

    root: Path

    @property
    def settings_file(self) -> Path:
        return self.root / SETTINGS_NAME

    @property
    def pipelines_folder(self) -> Path:
        return self.root / "pipelines"

    @property
    def state(self) -> Path:
        """Everything that Quarterdeck writes; for the owner's eyes only, and ignored by git."""
        return self.root / ".quarterdeck"

    @property
    def database(self) -> Path:
        return self.state / "quarterdeck.db"

    @property
    def traffic_database(self) -> Path:
        return self.state / "traffic.db"

    @property
    def artifacts(self) -> Path:
        return self.state / "artifacts"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Sockets, locks and process ids of what runs now."""
        return self.state / "run"

    def prepare_state(self) -> None:
        """Make the state folders that are missing, and close them to other users. One to read is left as it is."""
        if self.state.is_dir() and not os.access(self.state, os.W_OK):
            return
        try:
            for folder in (self.state, self.artifacts, self.logs, self.run):
                folder.mkdir(mode=0o700, exist_ok=True)
            if self.state.stat().st_mode & 0o077:
                self.state.chmod(0o700)
        except OSError as error:
            hint = "check its owner and mode, and the space on the disk"
            raise UnavailableError(f"cannot be used: {error.strerror}", where=str(self.state), hint=hint) from error


def find_workspace(start: Path, explicit: Path | None = None) -> Workspace:
    """The workspace named by `explicit`, or else the nearest one from `start` upwards, as git does."""
    if explicit is not None:
        root = explicit.expanduser().resolve()
        if not (root / SETTINGS_NAME).is_file():
            raise NotFoundError(f"there is no {SETTINGS_NAME} in {root}", hint=INIT_HINT)
        return Workspace(root=root)
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_NAME).is_file():
            return Workspace(root=folder)
    raise NotFoundError(f"there is no {SETTINGS_NAME} in {here} or above it", hint=INIT_HINT)


def pipelines(workspace: Workspace) -> list[tuple[str, Path]]:
    """Name and pipeline.toml of every pipeline, by name. The files are not read."""
    found = workspace.pipelines_folder.glob(f"*/{FILE_NAME}")
    return sorted((path.parent.name, path) for path in found if path.is_file())


def load_manifest(workspace: Workspace, name: str) -> Manifest:
    """Read one pipeline's manifest; NotFoundError names the nearest pipeline."""
    paths = dict(pipelines(workspace))
    if name not in paths:
        known = expected_names(name, paths) if paths else f"make one as pipelines/<name>/{FILE_NAME}"
        raise NotFoundError(f'there is no pipeline "{name}"; {known}')
    return read_manifest(paths[name])


def create_workspace(root: Path, *, data: bool = True) -> Workspace:
    """Make a workspace whose pipelines work: with the sample data if `data`, under git where it is installed.

    The folder may exist and hold other things. A ConflictError names what stands in the way; then, and after
    any other error, what it held is as it was.
    """
    root = root.expanduser().resolve()
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file", hint="name a folder")
    files = _files(data=data)
    _refuse_conflicts(root, files)
    existed = root.exists()
    try:
        (root if existed else root.parent).mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".quarterdeck-init-", dir=root if existed else root.parent))
        try:
            _fill(staging, files)
            if existed:
                _move_into(staging, root, files)
            else:
                staging.chmod(0o777 & ~_umask())
                staging.rename(root)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        hint = "check its owner and mode, and the space on the disk"
        raise UnavailableError(f"cannot be made: {error.strerror}", where=str(root), hint=hint) from error
    workspace = Workspace(root=root)
    workspace.prepare_state()
    _put_under_git(root)
    return workspace


def _files(*, data: bool) -> dict[Path, Path]:
    """What a new workspace holds, by its path there -> where it is copied from."""
    files = {
        path.relative_to(_TEMPLATE): path
        for path in sorted(_TEMPLATE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    if data:
        files |= {Path("data", name, f"{name}.parquet"): sample_data.path(f"{name}.parquet") for name in SAMPLES}
    return files


def _refuse_conflicts(root: Path, files: Iterable[Path]) -> None:
    in_the_way = {str(path) for path in files if os.path.lexists(root / path)}
    for path in files:
        for folder in path.parents[:-1]:
            if os.path.lexists(root / folder) and not (root / folder).is_dir():
                in_the_way.add(str(folder))
    if in_the_way:
        hint = "name another folder, or move these away"
        raise ConflictError(f"it already holds {', '.join(sorted(in_the_way))}", where=str(root), hint=hint)


def _fill(folder: Path, files: dict[Path, Path]) -> None:
    for path, source in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # contents alone: an installed package may be read-only
        shutil.copyfile(source, target)


def _move_into(staging: Path, root: Path, files: Iterable[Path]) -> None:
    """Move all files to an existing folder, or none."""
    done: list[Path] = []
    folders: list[Path] = []
    try:
        for path in files:
            target = root / path
            for folder in reversed(target.parents[: len(path.parents)]):
                if not folder.exists():
                    folder.mkdir()
                    folders.append(folder)
            (staging / path).rename(target)
            done.append(target)
    except OSError:
        for target in done:
            target.unlink()
        for folder in reversed(folders):
            folder.rmdir()
        raise


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _put_under_git(root: Path) -> None:
    """A repository with a first commit. Without git or an identity for it the workspace is as good."""
    if shutil.which("git") is None or _git(root, "rev-parse", "--is-inside-work-tree"):
        return
    if _git(root, "init", "--quiet") and _git(root, "add", "--all"):
        _git(root, "-c", "commit.gpgSign=false", "commit", "--quiet", "--message", "Begin the workspace")


def _git(root: Path, *arguments: str) -> bool:
    """Run git in a folder; whether it did what was asked."""
    environment = {name: value for name, value in os.environ.items() if name not in _GIT_PLACES}
    try:
        done = subprocess.run(  # noqa: S603 - a list of our own words, no shell
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
