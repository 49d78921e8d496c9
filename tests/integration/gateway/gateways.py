"""Gateways for uploads as processes, and clients that can be cut off."""

import base64
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from connectors.objectstore import PART_BYTES, ObjectStore
from connectors.settings import Connections
from ops.cluster.ports import free_ports
from schemas.uploads import file_key, load_upload

START_S = 120.0
ANSWER_S = 120.0
MEDIA = b"\x1aE\xdf\xa3"
"""How a Matroska file begins."""


def film(size_bytes: int) -> bytes:
    """What may be uploaded; each is another."""
    return (MEDIA + os.urandom(max(0, size_bytes - len(MEDIA))))[:size_bytes]


def digest_of(data: bytes) -> str:
    """The digest of an upload, as it is documented."""
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


@dataclass
class Answer:
    """What a gateway said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Gateway:
    """A gateway that listens; it may be killed."""

    port: int
    process: "subprocess.Popen[bytes]"

    def ask(
        self, method: str, path: str, body: object = None, *, encode_chunked: bool = False, **more: str
    ) -> Answer:
        """One request; headers' names have "_" for "-"."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        with suppress(BrokenPipeError, ConnectionResetError):  # answered before all was sent
            connection.request(
                method,
                f"/api/v1{path}",
                body,
                headers,
                encode_chunked=encode_chunked,  # type: ignore[arg-type]
            )
        response = connection.getresponse()
        try:
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def tus(self, method: str, path: str, body: object = None, **more: str) -> Answer:
        """A request of the protocol."""
        if body is not None:
            more["Content_Type"] = "application/offset+octet-stream"
        return self.ask(method, path, body, Tus_Resumable="1.0.0", **more)

    def create(self, size_bytes: int, name: str = "film.mkv") -> str:
        """The path of a new upload."""
        named = base64.b64encode(name.encode()).decode()
        answer = self.tus(
            "POST", "/tus", Upload_Length=str(size_bytes), Upload_Metadata=f"filename {named}"
        )
        assert answer.status == 201, answer
        return answer.headers["Location"].removeprefix("/api/v1")

    def patch(self, path: str, offset: int, body: bytes) -> Answer:
        return self.tus("PATCH", path, body, Upload_Offset=str(offset))

    def offset(self, path: str) -> int:
        """How far the upload is."""
        answer = self.tus("HEAD", path)
        assert answer.status == 200, answer
        return int(answer.headers["Upload-Offset"])

    def begin(self, path: str, offset: int, announced: int) -> socket.socket:
        """A connection with a PATCH whose bytes are still to come."""
        connection = socket.create_connection(("127.0.0.1", self.port), ANSWER_S)
        connection.sendall(
            f"PATCH /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\n"
            "Content-Type: application/offset+octet-stream\r\n"
            f"Upload-Offset: {offset}\r\nContent-Length: {announced}\r\n\r\n".encode()
        )
        return connection

    def kill(self) -> None:
        """As the kernel kills."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def peak_bytes(self) -> int:
        """The most memory that was resident."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise LookupError("VmHWM")


@dataclass
class Gateways:
    """Starts gateways on one store."""

    connections: Connections
    running: list[Gateway] = field(default_factory=list)

    def start(
        self, *, kept_s: float = 3600.0, max_bytes: int = 2**40, max_uploads: int = 100
    ) -> Gateway:
        """Another gateway, which answers."""
        [gateway] = self.start_many(1, kept_s=kept_s, max_bytes=max_bytes, max_uploads=max_uploads)
        return gateway

    def start_many(
        self, count: int, *, kept_s: float = 3600.0, max_bytes: int = 2**40, max_uploads: int = 100
    ) -> Sequence[Gateway]:
        """Several at the same time."""
        started = []
        for _ in range(count):
            port = next(free_ports())
            limits = [str(kept_s), str(max_bytes), str(max_uploads)]
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.gateway.uploading", str(port), *limits],
                env=os.environ | self.connections.environment(),
            )
            started.append(Gateway(port, process))
        self.running += started
        for gateway in started:
            until(lambda one=gateway: answers(one), "the gateway answers", within_s=START_S)  # type: ignore[misc]
        return started


@contextmanager
def gateways(connections: Connections) -> Iterator[Gateways]:
    """None of them outlives the context."""
    fleet = Gateways(connections)
    try:
        yield fleet
    finally:
        for gateway in fleet.running:
            gateway.kill()


def video_of(path: str) -> str:
    return path.rpartition("/")[2]


def check_whole(store: ObjectStore, video_id: str, data: bytes, name: str = "film.mkv") -> None:
    """One video, of exactly these bytes, and nothing unfinished left of it."""
    [source] = store.keys(f"uploads/{video_id}/")
    assert source == file_key(video_id, name)
    assert store.get(source) == data
    assert store.get(f"digests/{video_id}").decode() == digest_of(data)
    [key] = store.keys(f"results/{video_id}/")
    upload = load_upload(store.get(key))
    assert (upload.source, upload.name, upload.size_bytes) == (source, name, len(data))
    assert all(unfinished.key != source for unfinished in store.unfinished_parts())


def answers(gateway: Gateway) -> bool:
    """Raises RuntimeError if it never will."""
    if gateway.process.poll() is not None:
        raise RuntimeError("the gateway ended")
    try:
        socket.create_connection(("127.0.0.1", gateway.port), 1).close()
    except OSError:
        return False
    return True


def until(look: Callable[[], object], what: str, *, within_s: float = 120.0) -> None:
    """Wait for what should become true."""
    deadline = time.monotonic() + within_s
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)
