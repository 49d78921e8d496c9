"""One large upload through the gateway, against minio's client that writes the same file.

The gateway is `reelay gateway` on a real Kafka and S3 server of this machine; a client that costs almost
nothing (the kernel sends the file) makes one PUT. minio's client writes to the same store its own way,
three parts at once. Both in turns, so that what else the machine does hits both. Both in parts of one
size: with those of 5 MiB that are minio's default, versitygw 1.8.0 cannot complete 5 GB on ext4, whose
extended attributes hold 4 KiB in all, less than its list of so many parts.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
from minio import Minio

from connectors.objectstore import PART_BYTES, ObjectStore, open_store
from connectors.settings import Connections
from ops.benchmarks.figures import Figure, Repeats, below
from ops.cluster.cluster import Cluster
from ops.cluster.contents import furnish
from ops.cluster.errors import ToolMissing
from ops.cluster.store import BUCKET
from schemas.uploads import file_key

_SHORT_BYTES, _LONG_BYTES = 512 * 2**20, 5 * 10**9
_SHORT_TIMES, _LONG_TIMES = 3, 3
_AIM = 0.7
_MOST_MB = 150
_MB = 10**6
_WITHIN_S = 900.0
_START_S = 60.0
_FILE = "large.mkv"
_MATROSKA = b"\x1aE\xdf\xa3"
_READY = "Reelay is at "
_NAME = "MB a second of one upload"


def measure(long: bool) -> list[Figure]:
    """Takes about a minute, with the large file several."""
    try:
        with (
            TemporaryDirectory(prefix="reelay-bench-") as home,
            Cluster(Path(home, "cluster")) as cluster,
        ):
            connections = cluster.connections()
            furnish(connections)
            path = _file(Path(home), _LONG_BYTES if long else _SHORT_BYTES)
            times = _LONG_TIMES if long else _SHORT_TIMES
            with _gateway(connections) as (gateway, url):
                return _measured(connections, path, times, gateway, url)
    except ToolMissing as error:
        return [Figure(_NAME, f"not measured: {error}")]


def _measured(
    connections: Connections, path: Path, times: int, gateway: psutil.Process, url: str
) -> list[Figure]:
    store, client = open_store(connections), _client(connections)
    megabytes = path.stat().st_size / _MB
    bare: list[float] = []
    ours: list[float] = []
    used_before_s = _processor_s(gateway)
    for _ in range(times):
        bare.append(megabytes / _by_minio(client, path))
        ours.append(megabytes / _by_gateway(store, path, url))
    used_s = _processor_s(gateway) - used_before_s
    size = f"{megabytes / 1000:.1f} GB"
    ratio = Repeats([one / other for one, other in zip(ours, bare, strict=True)])
    return [
        Figure(f"{_NAME} of {size}, minio's client", f"{Repeats(bare):.0f}"),
        Figure(f"{_NAME} of {size}, through the gateway", f"{Repeats(ours):.0f}"),
        Figure(
            "the gateway against minio's client",
            f"{ratio:.2f}",
            f"at least {_AIM:g}",
            ratio.median >= _AIM,
        ),
        below(f"memory of the gateway, {size}, peak", _peak_mb(gateway), _MOST_MB, "MB", ".0f"),
        Figure("processor time of the gateway for 1 GB", f"{used_s / times / megabytes * 1000:.1f} s"),
    ]


def _by_minio(client: Minio, path: Path) -> float:
    """Seconds."""
    os.sync()
    began_s = time.monotonic()
    client.fput_object(BUCKET, _FILE, str(path), part_size=PART_BYTES)
    took_s = time.monotonic() - began_s
    client.remove_object(BUCKET, _FILE)
    return took_s


def _by_gateway(store: ObjectStore, path: Path, url: str) -> float:
    """Seconds."""
    where, size = urlsplit(url), path.stat().st_size
    os.sync()
    began_s = time.monotonic()
    with (
        socket.create_connection((where.hostname or "", where.port or 0), _WITHIN_S) as connection,
        path.open("rb") as file,
    ):
        connection.sendall(
            f"PUT /api/v1/upload/{_FILE} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        connection.sendfile(file)
        answer = b"".join(iter(lambda: connection.recv(2**16), b""))
    took_s = time.monotonic() - began_s
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 201 " not in head.splitlines()[0]:
        raise RuntimeError(answer.decode(errors="replace"))
    key = file_key(json.loads(body)["video_id"], _FILE)
    if store.size(key) != size:
        raise RuntimeError(f"{key} is not whole")
    store.delete(key)
    return took_s


def _client(connections: Connections) -> Minio:
    return Minio(
        urlsplit(connections.store_endpoint).netloc,
        access_key=connections.store_access_key,
        secret_key=connections.store_secret_key.get_secret_value(),
        secure=connections.store_endpoint.startswith("https:"),
        region=connections.store_region,
    )


@contextmanager
def _gateway(connections: Connections) -> Iterator[tuple[psutil.Process, str]]:
    """A gateway, and its URL."""
    program = subprocess.Popen(
        [sys.executable, "-m", "ops.cli.main", "gateway", "--port", "0"],
        env=os.environ | connections.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield psutil.Process(program.pid), _url(program)
    finally:
        program.terminate()
        program.communicate(timeout=_START_S)


def _url(program: "subprocess.Popen[str]") -> str:
    assert program.stderr is not None
    for line in program.stderr:
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
    raise RuntimeError("the gateway did not start")


def _file(folder: Path, size_bytes: int) -> Path:
    """A file that takes no room here."""
    path = folder / _FILE
    with path.open("wb") as file:
        file.write(_MATROSKA)
        file.truncate(size_bytes)
    return path


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_mb(process: psutil.Process) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / _MB
    raise LookupError("VmHWM")
