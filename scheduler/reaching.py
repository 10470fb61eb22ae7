"""How this workspace's own programs reach its prediction server: its address, its certificate, and a token."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.operations import Service
from quarterdeck.store.local_secret import read_local_secret
from quarterdeck.store.workspace import Workspace


class Reach(NamedTuple):
    """What an httpx client is made with: `base_url`, `verify`, `headers`."""

    address: str
    verify: ssl.SSLContext | bool
    headers: dict[str, str]


def reach(workspace: Workspace, server: Service, secret: str | None = None) -> Reach:
    """How to ask a server that runs; with a client's secret, or else with the workspace's own."""
    if server.address is None:
        raise UnavailableError("the server listens nowhere", hint="`quarterdeck service list` shows it")
    shown = secret or read_local_secret(workspace)
    headers = {} if shown is None else {"authorization": f"Bearer {shown}"}
    verify = True if server.certificate is None else trusting(Path(server.certificate))
    return Reach(server.address, verify, headers)


def trusting(certificate: Path) -> ssl.SSLContext:
    """Trusts exactly this certificate, whoever signed it and whatever name it bears: we ask by the address."""
    try:
        text = certificate.read_text(encoding="ascii", errors="replace")
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        first = f"{begin}{text.partition(begin)[2].partition(end)[0]}{end}\n"  # those below it only vouch for it
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=first)
    except (OSError, ValueError, ssl.SSLError) as error:
        hint = "the server was started with it: put it back, or start the server again"
        raise UnavailableError(f"the certificate cannot be read: {error}", where=str(certificate), hint=hint) from error
    return context
