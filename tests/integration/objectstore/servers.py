"""S3 servers of a test's own, and what may come between a client and its server."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from ops.cluster.cluster import Cluster
from ops.cluster.store import make_bucket

_BLOCK_BYTES = 2**16


@contextmanager
def store_alone(folder: Path, *, secure: bool = False) -> Iterator[Cluster]:
    """A cluster of which only the store runs."""
    cluster = Cluster(folder, secure=secure)
    watchdog = None
    try:
        cluster.store.start()
        watchdog = subprocess.Popen(
            [sys.executable, "-m", "ops.cluster.watchdog", str(os.getpid()), folder],
            stdin=subprocess.DEVNULL,
        )
        make_bucket(cluster.connections())
        yield cluster
    finally:
        cluster.stop()
        if watchdog is not None:
            watchdog.kill()
            watchdog.wait()


@dataclass
class Wire:
    """Passes on what clients and a server say to each other, and can be cut.

    cut_after: bytes of the next answers, all together, after which the connection is cut once;
    cut_after_sent: the same for requests. stays_cut: nothing passes any more after a cut. lost_answers:
    how many connections' answers are thrown away.
    """

    server: str
    cut_after: int | None = None
    cut_after_sent: int | None = None
    stays_cut: bool = False
    lost_answers: int = 0
    cuts: int = 0
    _listening: socket.socket = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        """Where clients reach the server by it."""
        host, port = self._listening.getsockname()
        return f"http://{host}:{port}"

    def __enter__(self) -> "Wire":
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        parts = urlsplit(self.server)
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection((parts.hostname or "", parts.port or 0))
                except OSError:
                    client.close()
                    continue
                ends = (client, server)
                threading.Thread(target=self._send, args=ends, daemon=True).start()
                threading.Thread(target=self._answer, args=ends, daemon=True).start()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while block := client.recv(_BLOCK_BYTES):
                if self._is_cut("cut_after_sent", len(block)):
                    break
                server.sendall(block)
        _hang_up(client, server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while block := server.recv(_BLOCK_BYTES):
                if self._is_lost() or self._is_cut("cut_after", len(block)):
                    break
                client.sendall(block)
        _hang_up(client, server)

    def _is_lost(self) -> bool:
        with self._lock:
            lost = self.lost_answers > 0
            self.lost_answers -= lost
            self.cuts += lost
        return lost

    def _is_cut(self, limit: str, size: int) -> bool:
        with self._lock:
            left = getattr(self, limit)
            if left is None:
                return self.stays_cut and self.cuts > 0
            is_cut = left < size
            setattr(self, limit, None if is_cut else left - size)
            self.cuts += is_cut
        return is_cut


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class _TakesAll(BaseHTTPRequestHandler):
    """Says yes to whatever is put or deleted, whatever the condition."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        self._say_yes()

    def do_DELETE(self) -> None:
        self._say_yes()

    def log_message(self, *_: object) -> None:
        pass

    def _say_yes(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def server_without_conditions() -> Iterator[str]:
    """A server that, as some do, does not know If-None-Match. It stands for one that cannot run here."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _TakesAll) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
