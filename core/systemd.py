"""The daemon's unit for systemd: started at boot, watched, started again, and shut in to what it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WATCHDOG_S = (
    300  # without a job of the daemon's ending for so long; the longest, rewriting a log, takes a minute or two
)
MARK = "# Written by `quarterdeck daemon install`; make changes with `systemctl edit`, they outlive the next install."


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What a unit depends on. `user_manager`: of a person's own service manager, `systemctl --user`."""

    workspace: Path
    python: Path
    user_manager: bool
    account: str | None = None  # that a system unit runs as
    memory_mb: int = 0
    also_writes: tuple[Path, ...] = ()  # folders beside the workspace


def unit_name(workspace: Path) -> str:
    """The unit's name for a workspace; only letters, digits, - and _ of the folder's name are in it."""
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", workspace.name).strip("-") or "workspace"
    return f"quarterdeck-{word}.service"


def unit_text(unit: Unit) -> str:
    """The whole file."""
    return "\n".join([MARK, "", *_unit(unit), "", *_service(unit), "", *_install(unit), ""])


def _unit(unit: Unit) -> list[str]:
    lines = ["[Unit]", f"Description=Quarterdeck daemon of {_escaped(str(unit.workspace))}"]
    if not unit.user_manager:
        lines += ["Wants=network-online.target", "After=network-online.target postgresql.service"]
    return [
        *lines,
        f"RequiresMountsFor={_quoted(unit.workspace)}",
        "# however often it could not start, it comes back when it can",
        "StartLimitIntervalSec=0",
    ]


def _service(unit: Unit) -> list[str]:
    command = [_quoted(unit.python), "-m", "quarterdeck.scheduler", "--workspace", _quoted(unit.workspace), "--standby"]
    return [
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={' '.join(command)}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        f"WorkingDirectory={_escaped(str(unit.workspace))}",
        "# secrets such as PGPASSWORD, a file with mode 0600; it need not be there",
        f"EnvironmentFile=-{_escaped(str(unit.workspace / '.quarterdeck' / 'daemon.env'))}",
        *([f"User={unit.account}"] if unit.account and not unit.user_manager else []),
        "Restart=on-failure",
        "RestartSec=5",
        "TimeoutStartSec=300",
        "TimeoutStopSec=90",
        f"WatchdogSec={WATCHDOG_S}",
        "# a daemon that dies leaves runs under way and the prediction server to the next one, which adopts them",
        "KillMode=process",
        "OOMPolicy=continue",
        *([f"MemoryMax={unit.memory_mb}M"] if unit.memory_mb else []),
        "LimitNOFILE=65536",
        "UMask=0077",
        *_walls(unit),
    ]


def _walls(unit: Unit) -> list[str]:
    """What keeps it in. A person's manager can build most of these only in a user namespace."""
    writes = " ".join(_quoted(path) for path in (unit.workspace, *unit.also_writes))
    return [
        "NoNewPrivileges=yes",
        *(["PrivateUsers=yes"] if unit.user_manager else ["CapabilityBoundingSet=", "AmbientCapabilities="]),
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        f"ReadWritePaths={writes}",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
    ]


def _install(unit: Unit) -> list[str]:
    return ["[Install]", f"WantedBy={'default' if unit.user_manager else 'multi-user'}.target"]


def _escaped(text: str) -> str:
    """systemd reads % as the beginning of a specifier."""
    return text.replace("%", "%%")


def _quoted(path: Path) -> str:
    """One word of a line, whatever is in it."""
    text = _escaped(str(path)).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{text}"'
