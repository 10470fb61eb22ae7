"""Finding a workspace, and making one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck import sample_data
from quarterdeck.core.errors import ConflictError, ManifestError, NotFoundError, UnavailableError, UsageError
from quarterdeck.core.manifest import Promotion, Strategy
from quarterdeck.core.pipeline.graph import build_graph
from quarterdeck.core.pipeline.loading import load_functions, load_user_function
from quarterdeck.core.settings import Settings, read_settings
from quarterdeck.store.workspace import Workspace, create_workspace, find_workspace, load_manifest, pipelines


@pytest.fixture(autouse=True)
def _own_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of git but these, so that the machine does not matter."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def identify(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def contents(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if ".git" not in path.parts}


@pytest.fixture
def plain(tmp_path: Path) -> Workspace:
    """A workspace as small as it can be."""
    root = tmp_path / "w"
    root.mkdir()
    (root / "quarterdeck.toml").write_text("")
    return Workspace(root=root.resolve())


def test_a_workspace_is_found_from_below(plain: Workspace) -> None:
    below = plain.root / "pipelines" / "flights"
    below.mkdir(parents=True)
    assert find_workspace(below) == find_workspace(plain.root) == plain


def test_the_nearest_workspace_wins(plain: Workspace) -> None:
    inner = plain.root / "inner"
    inner.mkdir()
    (inner / "quarterdeck.toml").write_text("")
    assert find_workspace(inner).root == inner


def test_a_named_workspace_comes_before_the_one_around(plain: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "quarterdeck.toml").write_text("")
    assert find_workspace(plain.root, other).root == other


def test_a_link_leads_to_the_same_workspace(plain: Workspace, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(plain.root)
    assert find_workspace(tmp_path / "link") == plain


@pytest.mark.parametrize("explicit", [None, Path("nowhere")])
def test_where_there_is_none_the_error_tells_how_to_make_one(tmp_path: Path, explicit: Path | None) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_workspace(tmp_path, explicit and tmp_path / explicit)
    assert "quarterdeck init DIR" in str(caught.value.hint)


def test_the_state_is_closed_to_other_users(plain: Workspace) -> None:
    plain.prepare_state()
    plain.state.chmod(0o755)
    plain.prepare_state()
    folders = [plain.state, plain.artifacts, plain.logs, plain.run]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 4
    assert plain.database.parent == plain.traffic_database.parent == plain.state


def test_a_state_that_cannot_be_made_is_explained(plain: Workspace) -> None:
    plain.state.write_text("a file")
    with pytest.raises(UnavailableError) as caught:
        plain.prepare_state()
    assert caught.value.where == str(plain.state)


def test_pipelines_are_the_folders_with_a_manifest(plain: Workspace) -> None:
    assert pipelines(plain) == []
    for name in ("b", "a", "none"):
        (plain.pipelines_folder / name).mkdir(parents=True)
    for name in ("b", "a"):
        (plain.pipelines_folder / name / "pipeline.toml").write_text("")
    assert pipelines(plain) == [(name, plain.pipelines_folder / name / "pipeline.toml") for name in ("a", "b")]


def test_an_unknown_pipeline_is_answered_with_the_nearest(tmp_path: Path, plain: Workspace) -> None:
    made = create_workspace(tmp_path / "made", data=False)
    with pytest.raises(NotFoundError, match="did you mean `flights`"):
        load_manifest(made, "flight")
    with pytest.raises(NotFoundError, match="there is no pipeline"):
        load_manifest(made, "../pipelines/flights")
    with pytest.raises(NotFoundError, match="make one as"):
        load_manifest(plain, "flights")


def test_a_broken_manifest_is_refused_by_its_own_name_only(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "made", data=False)
    (made.pipelines_folder / "fuel" / "pipeline.toml").write_text("[pipeline\n")
    with pytest.raises(ManifestError) as caught:
        load_manifest(made, "fuel")
    assert caught.value.where == "pipelines/fuel/pipeline.toml:1"
    assert load_manifest(made, "flights").name == "flights"


def test_a_new_workspace_holds_the_template_and_the_data(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "far" / "new")
    assert made.root == tmp_path / "far" / "new"
    assert read_settings(made.settings_file) == Settings()
    for name in ("flights", "weather", "fuel"):
        copied = made.root / "data" / name / f"{name}.parquet"
        assert copied.read_bytes() == sample_data.path(f"{name}.parquet").read_bytes()
    assert made.state.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["new"]


def test_its_data_can_be_left_out(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "new", data=False)
    assert not (made.root / "data").exists()


def test_its_pipelines_can_run(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "new", data=False)
    orders = {}
    for name, _ in pipelines(made):
        manifest = load_manifest(made, name)
        orders[name] = build_graph(manifest.steps, load_functions(manifest)).order
    assert orders == {
        "flights": ("flights", "weather", "features", "split", "model", "evaluation"),
        "fuel": ("voyages", "features", "split", "model", "evaluation"),
    }
    assert load_manifest(made, "fuel").rollout.promote is Promotion.AUTO
    flights = load_manifest(made, "flights")
    assert (flights.rollout.strategy, flights.rollout.promote) == (Strategy.SHADOW, Promotion.MANUAL)
    assert load_user_function(flights, "missed_delay_cost")([1, 0], [0, 0]) == 1.0


def test_the_unit_tests_of_its_steps_pass(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "new", data=False)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(command, cwd=made.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "15 passed" in done.stdout


def test_it_begins_with_a_commit_of_everything_but_state_and_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identify(monkeypatch)
    made = create_workspace(tmp_path / "new")
    assert git(made.root, "status", "--porcelain") == ""
    assert len(git(made.root, "log", "--oneline").splitlines()) == 1
    tracked = set(git(made.root, "ls-files").split())
    assert {"quarterdeck.toml", ".gitignore", "pipelines/flights/steps.py"} <= tracked
    assert not [name for name in tracked if name.startswith((".quarterdeck", "data"))]


def test_without_an_identity_for_git_it_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    made = create_workspace(tmp_path / "new", data=False)
    assert "quarterdeck.toml" in git(made.root, "ls-files")


def test_without_git_it_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    made = create_workspace(tmp_path / "new", data=False)
    assert made.settings_file.is_file()
    assert not (made.root / ".git").exists()


def test_inside_a_repository_no_other_is_begun_and_nothing_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identify(monkeypatch)
    git(tmp_path, "init", "--quiet")
    made = create_workspace(tmp_path / "new", data=False)
    assert not (made.root / ".git").exists()
    assert git(tmp_path, "status", "--porcelain") == "?? new/\n"


def test_a_hook_of_another_repository_is_not_disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identify(monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    made = create_workspace(tmp_path / "new", data=False)
    monkeypatch.delenv("GIT_DIR")
    assert (made.root / ".git").is_dir()
    assert git(other, "rev-list", "--all", "--count") == "0\n"


def test_an_existing_folder_keeps_what_it_held(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    (root / "pipelines" / "own").mkdir(parents=True)
    (root / "notes.txt").write_text("mine")
    made = create_workspace(root, data=False)
    assert (root / "notes.txt").read_text() == "mine"
    assert (made.pipelines_folder / "own").is_dir()
    assert [name for name, _ in pipelines(made)] == ["flights", "fuel"]
    assert not [name for name in contents(root) if "quarterdeck-init" in name]


@pytest.mark.parametrize("in_the_way", ["quarterdeck.toml", "pipelines/fuel/steps.py", "pipelines"])
def test_what_stands_in_the_way_is_named_and_nothing_is_written(tmp_path: Path, in_the_way: str) -> None:
    root = tmp_path / "mine"
    path = root / in_the_way
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(ConflictError, match=in_the_way) as caught:
        create_workspace(root)
    assert caught.value.where == str(root)
    assert contents(tmp_path) == before
    assert path.read_text() == "mine"


def test_a_file_is_not_a_place_for_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        create_workspace(tmp_path / "file")


@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    root = tmp_path / "new"
    if exists:
        root.mkdir()
        (root / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    copy = shutil.copyfile

    def fails(source: Path, target: Path) -> None:
        if target.name == "fuel.parquet":
            raise OSError(28, "No space left on device")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", fails)
    with pytest.raises(UnavailableError, match="No space left on device"):
        create_workspace(root)
    assert contents(tmp_path) == before


def test_a_move_that_fails_half_way_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "new"
    root.mkdir()
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target.name == "steps.py":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(UnavailableError, match="Input/output error"):
        create_workspace(root)
    assert contents(tmp_path) == {"new"}
