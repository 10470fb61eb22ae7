"""A real workspace with both databases open, for tests of the daemon's parts; certificates made on the spot."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from quarterdeck.scheduler.state import State, open_state
from quarterdeck.store.workspace import Workspace, create_workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "workspace", data=False)


@pytest.fixture
def state(workspace: Workspace) -> Iterator[State]:
    with open_state(workspace) as state:
        yield state


@pytest.fixture(scope="session")
def make_certificate() -> Callable[..., str]:
    """Makes a certificate signed by itself, or by an authority that nobody knows, and its key, in a folder.

    Gives the lines of [server] that name them.
    """
    return _certificate


def _certificate(folder: Path, *, name: str = "own", authority: bool = False, passphrase: bytes | None = None) -> str:
    """A certificate and its key in a folder; the lines of [server] that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = ec.generate_private_key(ec.SECP256R1()) if authority else key
    subject = _name(name)
    now = datetime.now(UTC)
    local = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name("an authority") if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([] if authority else local), critical=False)
        .sign(signer, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    hidden = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    path = folder / f"{name}.key"
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden),
    )
    return f'tls_certificate = "{folder / name}.pem"\ntls_key = "{path}"'


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
