"""API keys: who may use the gateway, and for what.

Only a key's SHA-256 is kept. That is enough for keys that are long and random, as `new_key` makes them:
nobody can try all of them.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from connectors.gateway.settings import GatewaySettings

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEY_BYTES = 32


class KeysUnusable(Exception):
    """The keys that were configured cannot be used. The message is one line for whoever set them, and
    holds no key."""


class Scope(StrEnum):
    """What a key is for; `write` includes `read`."""

    READ = "read"
    WRITE = "write"

    def covers(self, wanted: "Scope") -> bool:
        """Whether a key for this may be used for `wanted`."""
        return self is Scope.WRITE or wanted is Scope.READ


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is accepted. name: appears in logs. digest: SHA-256 of the key."""

    name: str
    scope: Scope
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys that are accepted; with none, everybody who reaches the gateway may do everything."""

    keys: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys)

    def find(self, presented: str) -> Key | None:
        """The key that this is. Takes the same time whichever it is, and whether it is one."""
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def named(self, name: str) -> Key | None:
        """The key of that name."""
        return next((key for key in self.keys if key.name == name), None)


def load_keys(settings: GatewaySettings) -> KeyRing:
    """The keys of the settings and of the file that they name. Raises KeysUnusable."""
    keys = list(_parsed(settings.keys.get_secret_value().split(","), "REELAY_GATEWAY_KEYS"))
    if settings.keys_file:
        try:
            lines = Path(settings.keys_file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise KeysUnusable(f"REELAY_GATEWAY_KEYS_FILE={settings.keys_file!r}: {why}") from error
        keys += _parsed(lines, settings.keys_file)
        if not keys:
            raise KeysUnusable(f"{settings.keys_file}: there is no key in it")
    names = [key.name for key in keys]
    for name in names:
        if names.count(name) > 1:
            raise KeysUnusable(f"there are two API keys of the name {name}")
    if not keys and not settings.is_local:
        raise KeysUnusable(
            f"REELAY_GATEWAY_HOST={settings.host!r}: other machines could reach the gateway, so it needs"
            " API keys (REELAY_GATEWAY_KEYS or REELAY_GATEWAY_KEYS_FILE; `reelay gateway --new-key NAME`"
            " makes one)"
        )
    return KeyRing(tuple(keys))


def new_key(name: str, scope: Scope) -> tuple[str, str]:
    """A new key, and the line that has the gateway accept it. Raises ValueError for a name that is not
    made of letters, digits, `_` and `-`."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r}: expected 1 to 40 letters, digits, '_' and '-'")
    key = secrets.token_urlsafe(_KEY_BYTES)
    return key, f"{name}:{scope}:{hashlib.sha256(key.encode()).hexdigest()}"


def _parsed(lines: Iterable[str], where: str) -> Iterable[Key]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, rest = text.partition(":")
        scope, _, digest = rest.partition(":")
        if not (_NAME.fullmatch(name) and scope in tuple(Scope) and _DIGEST.fullmatch(digest.lower())):
            raise KeysUnusable(
                f"{where}: entry {number} is no name:scope:sha256 (scope: read or write; sha256: 64"
                " hexadecimal digits)"
            )
        yield Key(name, Scope(scope), bytes.fromhex(digest))
