"""An authority of the cluster's own, and the certificate by which its servers are known."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.cluster.ports import HOST

_LASTS = timedelta(days=3650)
_EXPIRED_SINCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files. chain: the servers' certificate; both: key and chain in one file, as Kafka reads it."""

    ca: Path
    chain: Path
    key: Path
    both: Path


def certificates_in(folder: Path) -> Certificates:
    """Where they are, or will be."""
    return Certificates(
        folder / "ca.pem", folder / "server.pem", folder / "server.key", folder / "server.both.pem"
    )


def make_certificates(folder: Path, *, expired: bool = False) -> None:
    """Write a new certificate for loopback, and the authority that it is by unless there is one.

    expired: whether the certificate's time is over. Raises OSError.
    """
    import trustme  # noqa: PLC0415  # much to import, for what is done once
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = certificates_in(folder)
    ca_key = folder / "ca.key"
    if ca_key.exists():
        authority = trustme.CA.from_pem(files.ca.read_bytes(), ca_key.read_bytes())
    else:
        authority = trustme.CA(organization_name="Reelay, a local cluster")
        _write(files.ca, authority.cert_pem.bytes())
        _write(ca_key, authority.private_key_pem.bytes())
    now = datetime.now(UTC)
    issued = authority.issue_cert(
        HOST,
        "localhost",
        not_before=now - _LASTS,
        not_after=now - _EXPIRED_SINCE if expired else now + _LASTS,
    )
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    # Java reads keys in PKCS #8 only.
    issued_key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    key = issued_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(files.chain, chain)
    _write(files.key, key)
    _write(files.both, key + chain)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
