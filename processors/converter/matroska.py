"""The little of Matroska that ffmpeg's output needs: time-stamped blocks of one streamed track.

Bare PCM on a pipe says nothing of time: a hole in the sound would pull all that follows forward.
Matroska is the simplest of ffmpeg's streamable formats that carries time stamps with 16 kHz PCM.
Source: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from collections.abc import Iterable, Iterator

_SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA0
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA3, 0xA1
_ENTERED = (_SEGMENT, _CLUSTER, _BLOCK_GROUP)


def blocks(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The blocks of a stream of one track without lacing: time stamp in ms, payload.

    An element that the stream's end cuts short is dropped. Raises ValueError for what is no Matroska.
    """
    held = bytearray()
    skip = cluster_ms = 0
    for chunk in chunks:
        held += chunk
        at = min(skip, len(held))
        skip -= at
        while skip == 0 and (header := _header(held, at)):
            element, size, body = header
            if element in _ENTERED:
                at = body
            elif element not in (_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK):
                at = min(body + size, len(held))
                skip = body + size - at
            elif body + size > len(held):
                break
            else:
                if element == _TIMESTAMP:
                    cluster_ms = int.from_bytes(held[body : body + size])
                else:
                    stamp = body + _length(held[body])  # after the track's number
                    relative_ms = int.from_bytes(held[stamp : stamp + 2], signed=True)
                    yield (
                        cluster_ms + relative_ms,
                        bytes(held[stamp + 3 : body + size]),
                    )  # after the flags
                at = body + size
        del held[:at]


def _header(data: bytearray, at: int) -> tuple[int, int, int] | None:
    """An element's id, its size and where its body begins; None if that is not all there yet."""
    if at >= len(data) or (sized := at + _length(data[at])) >= len(data):
        return None
    body = sized + _length(data[sized])
    if body > len(data):
        return None
    marker = 1 << (7 * (body - sized))
    return int.from_bytes(data[at:sized]), int.from_bytes(data[sized:body]) & ~marker, body


def _length(first: int) -> int:
    """How many bytes a number takes: one more than its first byte has leading zero bits."""
    if first == 0:
        raise ValueError("not Matroska: a number longer than 8 bytes")
    return 9 - first.bit_length()
