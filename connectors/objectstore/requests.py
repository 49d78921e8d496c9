"""HTTP requests to an S3 server: waits are bounded, and what may succeed soon is tried again."""

import io
import random
import ssl
import time
from typing import Any

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, SSLError

CONNECT_S = 5.0
READ_S = 20.0
"""The longest wait for an answer to begin, or to go on."""

_JOIN_S = 600.0
"""The same for POST: some servers copy all parts of an upload when it is completed."""

_DELAYS_S = (0.2, 0.6, 1.5, 2.5)
"""How long to wait before each further try, give or take half."""

_LAST_TRY_S = 6.0
"""No try begins later than this after the first."""

_BUSY = frozenset({409, 429, 500, 502, 503, 504})
"""409: another request for that name is at work; with versitygw also a name whose folder somebody else's
delete takes away just then."""

_BLOCK_BYTES = 2**17
_CONNECTIONS = 8


class RequestPool(PoolManager):
    """The connections of one process to one server. A last try that fails raises urllib3's HTTPError."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(maxsize=_CONNECTIONS, blocksize=_BLOCK_BYTES, ssl_context=tls)

    def urlopen(  # type: ignore[override]  # as in urllib3
        self, method: str, url: str, redirect: bool = True, **how: Any
    ) -> BaseHTTPResponse:
        """As `PoolManager.urlopen`, without following redirects: a signature is for one host."""
        body = how.pop("body", None)
        how["timeout"] = Timeout(connect=CONNECT_S, read=_JOIN_S if method == "POST" else READ_S)
        last_try = time.monotonic() + _LAST_TRY_S
        for delay_s in map(_jittered, _DELAYS_S):
            try:
                response = self._once(method, url, body, how)
            except HTTPError as error:
                if refused_certificate(error) is not None or time.monotonic() + delay_s > last_try:
                    raise
            else:
                if response.status not in _BUSY or time.monotonic() + delay_s > last_try:
                    return response
                response.drain_conn()
                response.release_conn()
            time.sleep(delay_s)
        return self._once(method, url, body, how)

    def _once(self, method: str, url: str, body: Any, how: dict[str, Any]) -> BaseHTTPResponse:
        # Bytes go out in one call, whose time-out counts for all of them; a file goes block by block.
        sent = body
        if isinstance(body, bytes) and body:
            sent = io.BytesIO(body)
        elif isinstance(body, memoryview):
            sent = _View(body)
        return super().urlopen(method, url, redirect=False, body=sent, retries=False, **how)


class _View:
    """Reads memory as a file, without copying it."""

    def __init__(self, data: memoryview) -> None:
        self._rest = data

    def read(self, size: int) -> memoryview:
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


def _jittered(delay_s: float) -> float:
    """A delay that differs from one caller to the next, so that they do not return all at once."""
    return delay_s * random.uniform(0.5, 1.5)


def refused_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """What is wrong with the server's certificate, if that is the error."""
    cause = error.args[0] if isinstance(error, SSLError) and error.args else None
    return cause if isinstance(cause, ssl.SSLCertVerificationError) else None
