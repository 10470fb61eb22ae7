"""systemd's notification protocol, as sd_notify(3) describes it: datagrams to the socket that NOTIFY_SOCKET names.

Without that variable every call does nothing. The variables are taken out of the environment, so that no worker and no
step of a user's speaks in the daemon's name.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping

log = logging.getLogger(__name__)

_SOCKET, _USEC, _PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
LONGEST_STATUS = 500


class ServiceManager:
    """Speaks to the service manager that started this process, if one did."""

    def __init__(self, address: str | None, *, watchdog_s: float | None = None) -> None:
        """`address`: a path, or "@name" for a socket of the abstract namespace."""
        self._address = None if not address else "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s  # within which a sign of life is wanted; None: none is
        self._status = ""

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> ServiceManager:
        """As the environment says, which does not say so any more afterwards."""
        address, micros, pid = (environ.pop(name, None) for name in (_SOCKET, _USEC, _PID))
        ours = pid is None or pid == str(os.getpid())
        watchdog_s = int(micros) / 1e6 if micros and micros.isdigit() and int(micros) and ours else None
        return cls(address, watchdog_s=watchdog_s)

    def ready(self, status: str) -> None:
        if self._send("READY=1", f"STATUS={_line(status)}"):
            self._status = status

    def status(self, text: str) -> None:
        """What `systemctl status` shows; said again only when it changes."""
        if text != self._status and self._send(f"STATUS={_line(text)}"):
            self._status = text

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={_line(status)}")

    def _send(self, *lines: str) -> bool:
        """Whether it was heard."""
        if self._address is None:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1.0)  # a manager that does not read must not hold the daemon up
                channel.connect(self._address)
                channel.sendall("\n".join(lines).encode())
        except OSError as error:
            log.debug("the service manager was not told %s: %s", lines[0], error)
            return False
        return True


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_STATUS]
