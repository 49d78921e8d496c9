"""S3's own multipart upload, by minio's private calls: the public ones upload a whole file (7.2.20)."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from minio import Minio
from minio.datatypes import Part as MinioPart
from minio.error import S3Error

from connectors.objectstore.contract import Block, Part, PartsGone

_SIGNED = "x-amz-content-sha256"
_GONE = frozenset({"NoSuchUpload", "InvalidPart", "InvalidPartOrder"})
_NOTHING = frozenset({"NoSuchUpload", "NoSuchKey"})


class Client(Minio):
    """minio's client, which may be told a body's digest so that it is computed once."""

    def _build_headers(
        self,
        host: str,
        headers: dict[str, Any] | None = None,
        body: bytes | None = None,
        creds: Any = None,
    ) -> tuple[dict[str, Any], datetime]:
        digest = (headers or {}).get(_SIGNED)
        if digest is None or body is None:
            return super()._build_headers(host, headers, body, creds)
        built, date = super()._build_headers(host, headers, None, creds)
        return built | {"Content-Length": str(len(body)), _SIGNED: digest}, date


def begin(client: Client, bucket: str, name: str) -> str:
    """The upload's id."""
    return client._create_multipart_upload(bucket, name, {})


def put(client: Client, bucket: str, name: str, parts_id: str, *, number: int, data: Block) -> Part:
    """Raises PartsGone. The digest that is returned is what the request was signed with: the server
    refuses a part that arrives otherwise."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        body = cast("bytes", data)  # it is given to our RequestPool as it is, which takes both
        tag = client._upload_part(bucket, name, body, {_SIGNED: digest}, parts_id, number)
    except S3Error as error:
        if error.code in _GONE:
            raise PartsGone(name) from error
        raise
    return Part(number, len(data), digest, tag)


def complete(client: Client, bucket: str, name: str, parts_id: str, parts: Sequence[Part]) -> None:
    """Raises PartsGone if a part is another than named. No error if there is no such upload: it may have
    been completed before."""
    named = [MinioPart(part.number, part.tag) for part in parts]
    try:
        client._complete_multipart_upload(bucket, name, parts_id, named)
    except S3Error as error:
        if error.code not in _GONE:
            raise
        if error.code != "NoSuchUpload":
            raise PartsGone(name) from error


def abort(client: Client, bucket: str, name: str, parts_id: str) -> None:
    """Nothing happens if there is no such upload."""
    try:
        client._abort_multipart_upload(bucket, name, parts_id)
    except S3Error as error:
        if error.code not in _NOTHING:
            raise


def unfinished(client: Client, bucket: str, prefix: str) -> Iterator[tuple[str, str, float]]:
    """Names, ids and when they were begun (Unix time)."""
    after: str | None = None
    while True:
        found = client._list_multipart_uploads(bucket, prefix=prefix, key_marker=after)
        for upload in found.uploads:
            if upload.upload_id and upload.initiated_time:
                yield upload.object_name, upload.upload_id, upload.initiated_time.timestamp()
        # minio loses the marker of the upload's id (7.2.20); that of the key passes over no other key
        after = found.next_key_marker
        if not found.is_truncated or not after:
            return
