"""The way between browser and gateway, made narrow, cut or silent by a test: a small TCP proxy."""

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

_BLOCK = 16_384


@dataclass(slots=True)
class Wire:
    """Passes connections on to a port of this machine. bytes_per_s: how much goes to the server in each
    connection; None: as fast as it can. freezes_after: how many bytes more go to the server, in all
    connections, before it freezes."""

    to_port: int
    bytes_per_s: float | None = None
    freezes_after: int | None = None
    _listening: socket.socket = field(init=False)
    _open: set[socket.socket] = field(default_factory=set)
    _is_cut: threading.Event = field(default_factory=threading.Event)
    _flows: threading.Event = field(default_factory=threading.Event)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._flows.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def cut(self) -> None:
        """Break all connections, and every new one at once."""
        self._is_cut.set()
        for connection in list(self._open):
            with suppress(OSError):
                # Whoever closes it then resets it: after an orderly end, a browser may go on sending.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Let nothing through, and tell nobody: connections stay open."""
        self._flows.clear()

    def mend(self) -> None:
        """Let new connections through, and what was held back. It does not freeze any more."""
        with self._counting:
            self.freezes_after = None
        self._is_cut.clear()
        self._flows.set()

    def close(self) -> None:
        self.cut()
        self._flows.set()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listening.accept()
            except OSError:  # closed
                return
            if self._is_cut.is_set():
                browser.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.to_port))
            self._open |= {browser, server}
            for source, target, is_up in ((browser, server, True), (server, browser, False)):
                threading.Thread(target=self._pass, args=(source, target, is_up), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_up: bool) -> None:
        with suppress(OSError):
            while block := source.recv(_BLOCK):
                self._flows.wait()
                target.sendall(block)
                if is_up:
                    self._has_passed(len(block))
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()

    def _has_passed(self, size_bytes: int) -> None:
        if self.bytes_per_s:
            time.sleep(size_bytes / self.bytes_per_s)
        with self._counting:
            if self.freezes_after is not None:
                self.freezes_after -= size_bytes
                if self.freezes_after <= 0:
                    self.freezes_after = None
                    self.freeze()
