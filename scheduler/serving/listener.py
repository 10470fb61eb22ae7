"""The listening socket, and granian on it.

Granian binds with SO_REUSEPORT: a second server on the same port would start and take half of the requests.
So the socket is bound here, where a port in use is an error, and handed over.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes
from granian.http import HTTP1Settings
from granian.server.embed import Server

from quarterdeck.core.errors import NotAllowedError, UnavailableError

BACKLOG = 1_024
MOST_CONNECTIONS = 4_096
SLOWEST_HEADER_MS = 10_000  # also how long an idle connection is kept
STOP_S = 5  # requests that are being answered when the server stops get so long


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on this machine's own address; port 0 takes a free one.

    Raises NotAllowedError for an address that others reach, UnavailableError for a port in use.
    """
    address = _loopback(host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"port {port} cannot be used: {error.strerror}",
            where=host,
            hint="stop what listens there, or name another with --port (0 takes a free one)",
        ) from error
    listener.setblocking(False)
    return listener


def _loopback(host: str) -> str:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        if ipaddress.ip_address(name).is_loopback:
            return name
    except ValueError:
        pass
    raise NotAllowedError(
        f"{host} is reached from other machines, and this version knows no tokens",
        hint="use 127.0.0.1, and a proxy or an SSH tunnel that asks who is there",
    )


class HttpServer(Server):
    """Granian in this process's loop, on a socket that is listening already and is the server's from now on."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        super().__init__(
            app,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=MOST_CONNECTIONS,
            http1_settings=HTTP1Settings(header_read_timeout=SLOWEST_HEADER_MS),
            log_enabled=False,
        )
        self.workers_kill_timeout = STOP_S
        # granian's stubs describe an older constructor, and its attributes only as they begin
        self._holder = SocketHolder(listener.detach(), False, BACKLOG)  # type: ignore[call-arg]

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._shd = self._holder  # type: ignore[assignment]
        self._sfd = self._holder.get_fd()
