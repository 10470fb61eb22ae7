"""The listening socket. A port in use is an error.

Only the processes of one server share a port (SO_REUSEPORT), each with a socket of its own: the kernel then spreads the
connections over them.
"""

from __future__ import annotations

import resource
import socket

from quarterdeck.core.errors import UnavailableError
from quarterdeck.scheduler.serving.limits import DEFAULT

BACKLOG = 1_024
OTHER_FILES = 512  # databases, models, pipes: what a process has open beside its connections


def listen(
    address: str,
    port: int,
    *,
    answer_seconds: float = DEFAULT.answer_seconds,
    shared: bool = False,
    beside: bool = False,
) -> socket.socket:
    """A listening socket on an address of exposure.py; port 0 takes a free one.

    `answer_seconds`: how long a connection stays whose client does not take what was sent to it. `shared`: other
    processes of this server will listen there as well; `beside`: they do already.
    Raises UnavailableError for a port in use, and for an address that is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if shared and not beside and port:
        listen(address, port).close()  # nobody else listens there: sharing would not tell
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections have it from the socket that accepts them
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(answer_seconds * 1000))
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"port {port} cannot be used: {error.strerror}",
            where=address,
            hint="stop what listens there, or name another with --port (0 takes a free one)",
        ) from error
    listener.setblocking(False)
    return listener


def room_for(connections: int) -> int:
    """Let the process have so many connections open, as far as the system allows; how many it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(1, min(connections, max(most, soft) - OTHER_FILES))
