"""The table's rows: one small row for each piece, so that none is ever rewritten whole.

A row's key is `video_id:revision:piece`, its value the event's own Avro bytes, or for an enriched
segment the reference to the stored event as JSON. A decided revision is one row, `done`, whose value is
the number of its partition; a deleted video is one row of revision 0, `deleted`.
"""

import json
from datetime import datetime

from processors.aggregator import join
from processors.aggregator.join import Piece, StoredSegment
from schemas.codec import Codec, UndecodableError, from_record, to_record
from schemas.events import StageFailed, VideoConverted, VideoProbed, VideoRendered
from schemas.topics import STAGE_FAILED, VIDEO_CONVERTED, VIDEO_PROBED, VIDEO_RENDERED

DONE = "done"
DELETED = "deleted"
MARK = b"1"
"""Value of a row that says all by being there."""

_SEGMENT = "segment."
_TOPICS = {
    join.PROBED: VIDEO_PROBED,
    join.CONVERTED: VIDEO_CONVERTED,
    join.RENDERED: VIDEO_RENDERED,
}


def row_key(video_id: str, revision: int, name: str) -> bytes:
    """The key of a piece's row."""
    return f"{video_id}:{revision}:{name}".encode()


def split_key(key: bytes) -> tuple[str, int, str]:
    """The inverse (a video_id may hold ':'). Raises ValueError for anything else."""
    video_id, revision, name = key.decode().rsplit(":", 2)
    return video_id, int(revision), name


def dump_piece(piece: Piece, codec: Codec) -> bytes:
    """The row's value. Raises as `Codec.encode`."""
    if isinstance(piece, StoredSegment):
        return json.dumps(to_record(piece), separators=(",", ":"), default=datetime.isoformat).encode()
    return codec.encode(piece)


def dump_done(partition: int) -> bytes:
    """The value of a decided revision's row."""
    return str(partition).encode()


def load_row(name: str, value: bytes, codec: Codec) -> Piece | int | None:
    """What a row says: its piece, a decided revision's partition, or nothing more (deleted). Raises as
    `load_piece`."""
    if name == DONE:
        return int(value)
    if name == DELETED:
        return None
    return load_piece(name, value, codec)


def load_piece(name: str, value: bytes, codec: Codec) -> Piece:
    """The inverse. Raises ValueError for anything else, DependencyDown as `Codec.decode`."""
    if name.startswith(_SEGMENT):
        record = json.loads(value)
        return from_record(
            StoredSegment, record | {"made_at": datetime.fromisoformat(record["made_at"])}
        )
    try:
        piece = codec.decode(value, _TOPICS.get(name, STAGE_FAILED))
    except UndecodableError as error:
        raise ValueError(f"row {name}: {error}") from error
    assert isinstance(piece, VideoProbed | VideoConverted | VideoRendered | StageFailed)
    return piece
