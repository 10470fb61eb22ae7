"""Whether a server may listen where it is told to: on an address that others reach, only with tokens and TLS.

Loopback is this machine's own: whoever is on it may ask, unless `require_token` says otherwise.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from quarterdeck.core.clients import Client
from quarterdeck.core.errors import NotAllowedError, NotFoundError, UsageError
from quarterdeck.core.settings import Settings

_OWN_TLS = "set `tls_certificate` and `tls_key` in [server] of quarterdeck.toml"
_LOOPBACK = "or listen on 127.0.0.1"


class Tls(NamedTuple):
    """PEM files that were tried: they are there, fit each other, and the key is its owner's alone."""

    certificate: Path
    key: Path


class Exposure(NamedTuple):
    """Where to listen and how."""

    address: str
    tls: Tls | None
    token_required: bool
    public: bool  # reached from other machines


def exposure(settings: Settings, host: str, root: Path) -> Exposure:
    """How to listen on a host. Raises an error that says what to do where that would not be safe."""
    address = _address(host)
    public = not ipaddress.ip_address(address).is_loopback
    tls = _tls(settings, root)
    if public and tls is None and not settings.plain_http:
        raise NotAllowedError(
            f"{host} is reached from other machines, and without TLS everybody on the way reads along",
            hint=f"{_OWN_TLS}; or `plain_http = true`, where something in front of it does TLS; {_LOOPBACK}",
        )
    return Exposure(address, tls, public or settings.require_token, public)


def require_client(place: Exposure, clients: Iterable[Client], now: datetime) -> None:
    """Refuse to be reached by others before there is anybody who may ask."""
    if place.public and not any(client.is_valid(now) for client in clients):
        raise NotAllowedError(
            f"{place.address} is reached from other machines, and there is no valid token of a client",
            hint=f"make one: `quarterdeck token create NAME --endpoint ENDPOINT`; {_LOOPBACK}",
        )


def _address(host: str) -> str:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        ipaddress.ip_address(name)
    except ValueError:
        hint = "write localhost, an IP address of this machine, or 0.0.0.0 for all of them"
        raise UsageError(f"{host!r} is no address to listen on", hint=hint) from None
    return name


def _tls(settings: Settings, root: Path) -> Tls | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    tls = Tls(root / settings.tls_certificate, root / settings.tls_key)
    for key, path in (("tls_certificate", tls.certificate), ("tls_key", tls.key)):
        if not path.is_file():
            raise NotFoundError("there is no such file", where=f"{key} = {str(path)!r}")
    _check_mode(tls.key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, password=_no_passphrase)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        hint = "expected a PEM certificate, and its own PEM key without a passphrase"
        words = getattr(error, "reason", None) or str(error)
        raise UsageError(f"TLS cannot use them: {words}", where=f"{tls.certificate}, {tls.key}", hint=hint) from error
    return tls


def _check_mode(key: Path) -> None:
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o177:
        message = f"the private key has mode {mode:04o}: others may have read it"
        raise NotAllowedError(message, where=str(key), hint=f"chmod 600 {key}, and make a new one if they could")
    if not os.access(key, os.R_OK):
        raise NotAllowedError("the private key cannot be read by this account", where=str(key), hint="see its owner")


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, and nobody is there to type it")
