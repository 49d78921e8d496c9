"""An object store in a bucket of an S3 server."""

import hashlib
import io
import os
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import uuid4

from minio.error import S3Error
from urllib3.exceptions import HTTPError, ProtocolError

from connectors.errors import DependencyDown
from connectors.objectstore import multipart
from connectors.objectstore.contract import (
    Block,
    Entry,
    ObjectMissing,
    Part,
    PartsGone,
    Unfinished,
    check_part,
    check_prefix,
    names_in,
    ref_to,
)
from connectors.objectstore.faults import STORE, store_faults
from connectors.objectstore.place import Place
from connectors.objectstore.requests import RequestPool
from connectors.objectstore.scratch import Scratch
from schemas.events import ArtefactRef

_SEEN = ".seen/"
"""Where the marks of look-ups are: empty objects whose time counts, each under its artefact's key."""

_FRESH_S = 24 * 3600.0
"""An artefact that was written or marked within that time is not marked again."""

_BLOCK_BYTES = 2**20
_PART_BYTES = 8 * 2**20
_PARTS_AT_ONCE = 3
_MAX_PARTS = 10_000
_MAX_BREAKS = 4

_Headers = dict[str, str | list[str] | tuple[str]]
_DIGEST = "x-amz-meta-sha256"
_WRITER = "x-amz-meta-writer"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a server says of an object. written: Unix time. digest: None if others put it there."""

    size_bytes: int
    written: float
    etag: str
    digest: str | None
    writer: str | None


class S3Store:
    """Keys are those of the bucket, below the place's prefix. Objects carry their SHA-256 as metadata.

    May be used by several threads, and by a process that was forked from the one that made it.
    """

    def __init__(self, place: Place, scratch: Scratch) -> None:
        self._place = place
        self._scratch = scratch
        self._lock = threading.Lock()
        self._made: tuple[int, multipart.Client] | None = None
        self._keeps_conditions = False

    def put(self, key: str, data: bytes) -> ArtefactRef:
        ref = ref_to(key, data)
        self._upload(ref, io.BytesIO(data), part_bytes=max(_PART_BYTES, len(data)))
        return ref

    def put_file(self, key: str, path: Path) -> ArtefactRef:
        with path.open("rb") as file:
            # Before the upload, since an upload in parts names its metadata at its beginning.
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            ref = ArtefactRef(key=key, sha256=digest, size_bytes=file.tell())
            file.seek(0)
            self._upload(ref, file, part_bytes=max(_PART_BYTES, -(-ref.size_bytes // _MAX_PARTS)))
        return ref

    def put_if_absent(self, key: str, data: bytes) -> bool:
        name = self._name(key)
        with store_faults(self._place, key):
            self._check_conditions()
            return self._create(name, data)

    def get(self, key: str) -> bytes:
        return b"".join(self._blocks(key))

    def size(self, key: str) -> int:
        return self._facts(key).size_bytes

    def read_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        return self._blocks(key, start=start, end=min(end, self.size(key)))

    def find(self, key: str) -> ArtefactRef | None:
        try:
            facts = self._facts(key)
            digest = facts.digest or _sha256(self._blocks(key, facts.etag))
        except ObjectMissing:
            return None
        if time.time() - facts.written > _FRESH_S:
            self._mark_seen(key)
        return ArtefactRef(key=key, sha256=digest, size_bytes=facts.size_bytes)

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        facts = self._facts(key)
        blocks = self._blocks(key, facts.etag)
        with self._scratch.copy(blocks, facts.size_bytes, PurePosixPath(key).suffix) as path:
            yield path

    def keys(self, prefix: str) -> Iterator[str]:
        return (entry.key for entry in self._listed(prefix))

    def entries(self, prefix: str) -> Iterator[Entry]:
        seen = {entry.key: entry.modified for entry in self._listed(_SEEN + prefix)}
        for entry in self._listed(prefix):
            modified = max(entry.modified, seen.get(_SEEN + entry.key, 0.0))
            yield Entry(entry.key, entry.size_bytes, modified)

    def delete(self, key: str) -> None:
        for name in (self._name(key), self._name(_SEEN + key)):
            with suppress(ObjectMissing), store_faults(self._place, key):
                self._client.remove_object(self._place.bucket, name)

    def begin_parts(self, key: str) -> str:
        name = self._name(key)
        with store_faults(self._place, key):
            return multipart.begin(self._client, self._place.bucket, name)

    def put_part(self, key: str, parts_id: str, number: int, data: Block) -> Part:
        check_part(number, data)
        name = self._name(key)
        with store_faults(self._place, key):
            bucket = self._place.bucket
            return multipart.put(self._client, bucket, name, parts_id, number=number, data=data)

    def complete_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        name = self._name(key)
        with store_faults(self._place, key):
            multipart.complete(self._client, self._place.bucket, name, parts_id, parts)
        try:  # some servers answer 200 before they know whether they can
            if self.size(key) == sum(part.size_bytes for part in parts):
                return
        except ObjectMissing:
            pass
        raise PartsGone(key)

    def abort_parts(self, key: str, parts_id: str) -> None:
        name = self._name(key)
        with store_faults(self._place, key):
            multipart.abort(self._client, self._place.bucket, name, parts_id)

    def unfinished_parts(self) -> Iterator[Unfinished]:
        prefix = self._place.prefix
        with store_faults(self._place, prefix):
            for name, parts_id, begun in multipart.unfinished(self._client, self._place.bucket, prefix):
                yield Unfinished(name.removeprefix(prefix), parts_id, begun)

    @property
    def _client(self) -> multipart.Client:
        """This process's client: a fork shares no connection with its parent."""
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), self._new_client()
            return self._made[1]

    def _new_client(self) -> multipart.Client:
        place = self._place
        return multipart.Client(
            place.host,
            access_key=place.access_key,
            secret_key=place.secret_key.get_secret_value(),
            secure=place.is_https,
            region=place.region,
            http_client=RequestPool(
                ssl.create_default_context(cafile=place.ca) if place.is_https else None
            ),
        )

    def _name(self, key: str) -> str:
        """The object's name in the bucket. Raises ValueError."""
        names_in(key)
        return self._place.prefix + key

    def _upload(self, ref: ArtefactRef, file: BinaryIO, *, part_bytes: int) -> None:
        name, writer = self._name(ref.key), uuid4().hex
        with store_faults(self._place, ref.key):
            try:
                self._client.put_object(
                    self._place.bucket,
                    name,
                    file,
                    ref.size_bytes,
                    metadata={_DIGEST: ref.sha256, _WRITER: writer},
                    part_size=part_bytes,
                    num_parallel_uploads=_PARTS_AT_ONCE,
                )
            except S3Error as error:
                # What completes an upload was sent again, and the first time it had arrived.
                if error.code != "NoSuchUpload" or self._writer_of(name) != writer:
                    raise

    def _create(self, name: str, data: bytes) -> bool:
        """Create an object, or tell who did: a request that is sent again finds what its first try
        wrote."""
        writer = uuid4().hex
        digest = hashlib.sha256(data).hexdigest()
        headers: _Headers = {"If-None-Match": "*", _DIGEST: digest, _WRITER: writer}
        try:
            # Its own name begins with "_" because `put_object` takes no conditions (minio 7.2.20). A
            # presigned URL would leave out the metadata: S3 wants every x-amz- header signed.
            self._client._put_object(self._place.bucket, name, data, headers)
        except S3Error as error:
            if error.response.status != HTTPStatus.PRECONDITION_FAILED:
                raise
            return self._writer_of(name) == writer
        return True

    def _check_conditions(self) -> None:
        """See once that the server does not create what is there: some take the condition and ignore it,
        and two would be told that they were first."""
        if self._keeps_conditions:
            return
        name = self._place.prefix + f"media/probe/conditions-{uuid4().hex}"
        try:
            self._keeps_conditions = self._create(name, b"first") and not self._create(name, b"second")
        finally:
            self._client.remove_object(self._place.bucket, name)
        if not self._keeps_conditions:
            raise DependencyDown(
                STORE,
                f"{self._place.endpoint} ignores `If-None-Match: *` and so overwrites what another"
                " process has created: use a server with conditional writes",
            )

    def _writer_of(self, name: str) -> str | None:
        try:
            return self._stat(name).writer
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            return None  # deleted meanwhile

    def _facts(self, key: str) -> _Facts:
        """Raises ObjectMissing."""
        name = self._name(key)
        with store_faults(self._place, key):
            with suppress(S3Error):
                return self._stat(name)
            # An answer to HEAD has no body that says why, and a wrong bucket or key may be 404, too.
            response = self._client.get_object(self._place.bucket, name)
            response.close()
            response.release_conn()
            return self._stat(name)  # it came meanwhile

    def _stat(self, name: str) -> _Facts:
        found = self._client.stat_object(self._place.bucket, name)
        metadata = found.metadata or {}
        return _Facts(
            size_bytes=found.size or 0,
            written=found.last_modified.timestamp() if found.last_modified else time.time(),
            etag=found.etag or "",
            digest=metadata.get(_DIGEST),
            writer=metadata.get(_WRITER),
        )

    def _blocks(
        self, key: str, etag: str = "", *, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """The object's bytes, up to `end`. Where the connection breaks they go on, from the same object:
        `etag`."""
        name, at, breaks = self._name(key), start, 0
        with store_faults(self._place, key):
            while end is None or at < end:
                same: _Headers = {"If-Match": f'"{etag}"'} if etag else {}
                length = 0 if end is None else end - at  # 0: the rest
                response = self._client.get_object(
                    self._place.bucket, name, offset=at, length=length, request_headers=same
                )
                try:
                    if at and response.status != HTTPStatus.PARTIAL_CONTENT:
                        raise ProtocolError("the server ignores ranges")
                    etag = etag or response.headers.get("etag", "").strip('"')
                    for block in response.stream(_BLOCK_BYTES):
                        at, breaks = at + len(block), 0
                        yield block
                except HTTPError:
                    breaks += 1
                    if breaks == _MAX_BREAKS:
                        raise
                else:
                    return
                finally:
                    response.close()
                    response.release_conn()

    def _mark_seen(self, key: str) -> None:
        """Renew an artefact's age. Not by copying it onto itself: versitygw keeps the time then."""
        try:
            marked = self._facts(_SEEN + key).written
        except ObjectMissing:
            marked = 0.0
        if time.time() - marked > _FRESH_S:
            self.put(_SEEN + key, b"")

    def _listed(self, prefix: str) -> Iterator[Entry]:
        check_prefix(prefix)
        start = len(self._place.prefix)
        with store_faults(self._place, prefix):
            for found in self._client.list_objects(
                self._place.bucket, prefix=self._place.prefix + prefix, recursive=True
            ):
                key = (found.object_name or "")[start:]
                is_ours = bool(key) and not key.endswith("/")  # others make "folders"
                if is_ours and (prefix or not key.startswith(_SEEN)) and found.last_modified:
                    yield Entry(key, found.size or 0, found.last_modified.timestamp())


def _sha256(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
