"""The page's sign-in: a cookie that any instance of the gateway accepts.

It names a key and a time and is signed. What signs it is made of a secret that all instances share, an
object in the store that the first of them created, and of the key's digest: with the key, what was
signed in by it goes too, and neither the store nor the list of keys is enough to forge one.
"""

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass

from connectors.gateway.keys import Key, KeyRing
from connectors.objectstore import ObjectStore

COOKIE = "reelay_session"
_SECRET = "gateway/session.secret"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in by a key. until: Unix time."""

    key: Key
    until: float


class Sessions:
    """Makes and checks such cookies. May be used by several threads; the first call asks the store.

    Raises DependencyDown.
    """

    def __init__(self, store: ObjectStore, ring: KeyRing, lasts_s: float) -> None:
        self._store = store
        self._ring = ring
        self.lasts_s = lasts_s
        self._lock = threading.Lock()
        self._known: bytes | None = None

    def begin(self, key: Key) -> str:
        """The cookie's value for somebody who gave that key."""
        until = str(int(time.time() + self.lasts_s))
        return f"{key.name}.{until}.{self._signature(key, until)}"

    def find(self, cookie: str) -> Session | None:
        """What this cookie stands for; None if it is wrong or too old."""
        name, _, rest = cookie.partition(".")
        until, _, signature = rest.partition(".")
        key = self._ring.named(name)
        if key is None or not (until.isascii() and until.isdecimal() and signature.isascii()):
            return None
        if not hmac.compare_digest(signature, self._signature(key, until)) or int(until) < time.time():
            return None
        return Session(key, float(until))

    def _signature(self, key: Key, until: str) -> str:
        signing = hmac.digest(self._secret(), key.digest, "sha256")
        text = f"{key.name}.{key.scope}.{until}".encode()
        return hmac.new(signing, text, hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        with self._lock:
            if self._known is None:
                self._store.put_if_absent(_SECRET, secrets.token_bytes(_SECRET_BYTES))
                self._known = self._store.get(_SECRET)
            return self._known
