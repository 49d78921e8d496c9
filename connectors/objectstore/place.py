"""Which bucket of which S3 server, as the settings name it."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from connectors.objectstore.contract import names_in
from connectors.settings import Connections

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_EXPECTED = "expected s3://bucket[/prefix]"


@dataclass(frozen=True, slots=True)
class Place:
    """endpoint: the server's URL. prefix: empty, or ends with "/" and begins every key. ca: PEM file of
    authorities; None: the system's."""

    endpoint: str
    region: str
    access_key: str
    secret_key: SecretStr
    bucket: str
    prefix: str
    ca: Path | None

    @property
    def is_https(self) -> bool:
        return self.endpoint.startswith("https:")

    @property
    def host(self) -> str:
        """Host and port."""
        return self.endpoint.partition("://")[2]


def place_of(connections: Connections) -> Place:
    """The place that an s3:// URL names. Raises ValueError that names the setting at fault."""
    bucket, prefix = _bucket_and_prefix(connections.store_url)
    secret_key = connections.store_secret_key
    if not connections.store_access_key or not secret_key.get_secret_value():
        raise ValueError(
            f"object store {connections.store_url!r}: REELAY_STORE_ACCESS_KEY or REELAY_STORE_SECRET_KEY"
            " is not set"
        )
    return Place(
        endpoint=_endpoint(connections.store_endpoint),
        region=connections.store_region,
        access_key=connections.store_access_key,
        secret_key=secret_key,
        bucket=bucket,
        prefix=prefix,
        ca=_authorities(connections.tls_ca),
    )


def _bucket_and_prefix(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.query or parts.fragment or _BUCKET.fullmatch(parts.netloc) is None:
        raise ValueError(f"object store {url!r}: {_EXPECTED}")
    names = unquote(parts.path).strip("/")
    try:
        return parts.netloc, "/".join((*names_in(names), "")) if names else ""
    except ValueError as error:
        raise ValueError(f"object store {url!r}: {_EXPECTED}") from error


def _authorities(path: str) -> Path | None:
    if not path:
        return None
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # which an SSLError is, too
        raise ValueError(f"REELAY_TLS_CA={path!r}: expected a PEM file of certificates") from error
    return Path(path)


def _endpoint(url: str) -> str:
    expected = "REELAY_STORE_ENDPOINT: expected http(s)://host[:port]"
    if not url:
        raise ValueError(f"{expected}; it is not set")
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_plain = False
    if not is_plain or "@" in url or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(expected)  # not shown: there may be a password in it
    return f"{parts.scheme}://{parts.netloc}"
