"""The unit for systemd: whole, shut in, and taken by systemd itself where that is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from quarterdeck.core.systemd import MARK, Unit, unit_name, unit_text


def unit(root: Path) -> Unit:
    return Unit(workspace=root, python=Path(sys.executable), user_manager=False, account="root", memory_mb=4096)


def keys(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_the_unit_watches_starts_again_and_shuts_in(tmp_path: Path) -> None:
    text = unit_text(unit(tmp_path))
    found = keys(text)
    assert text.startswith(MARK) and text.endswith("WantedBy=multi-user.target\n")
    assert (found["Type"], found["Restart"], found["NotifyAccess"]) == ("notify", "on-failure", "main")
    assert (found["ProtectSystem"], found["ReadWritePaths"]) == ("strict", f'"{tmp_path}"')
    assert (found["NoNewPrivileges"], found["PrivateTmp"], found["MemoryMax"]) == ("yes", "yes", "4096M")
    assert found["RestrictAddressFamilies"] == "AF_UNIX AF_INET AF_INET6"
    assert float(found["WatchdogSec"]) > 0 and found["ExecStart"].endswith("--standby")
    assert (found["User"], found["ExecReload"]) == ("root", "/bin/kill -HUP $MAINPID")


def test_without_a_limit_there_is_none_and_a_persons_own_manager_has_what_it_can_do(tmp_path: Path) -> None:
    text = unit_text(replace(unit(tmp_path), user_manager=True, memory_mb=0))
    found = keys(text)
    assert "MemoryMax" not in found and "User" not in found and "CapabilityBoundingSet" not in found
    assert (found["PrivateUsers"], found["WantedBy"]) == ("yes", "default.target")


def test_its_name_is_of_the_folder() -> None:
    assert unit_name(Path("/srv/air & sea")) == "quarterdeck-air-sea.service"
    assert unit_name(Path("/srv/ü")) == "quarterdeck-workspace.service"


@pytest.mark.parametrize("name", ["flights", 'with space, "quotes", 100% and $HOME'])
@pytest.mark.parametrize("user_manager", [False, True])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, name: str, user_manager: bool) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    root = tmp_path / name
    root.mkdir()
    file = tmp_path / unit_name(root)
    file.write_text(unit_text(replace(unit(root), user_manager=user_manager)))
    done = subprocess.run(
        [program, "verify", "--man=no", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if file.name in line]
    assert (done.returncode, said) == (0, [])
