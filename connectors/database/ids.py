"""Ids of sentences: in order of when their videos were uploaded, so that a span of time is one of ids.

An id holds the second of the upload, a number that tells the videos of that second apart (together the
video's *slot*), and which of the video's sentences it is: 32, 13 and 18 bits.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

_SENTENCE_BITS = 18
_VIDEO_BITS = 13
_MAX_S = 2**32 - 1
_TRIES_A_SECOND = 64
_MAX_ID = 2**63 - 1


def slots(video_id: str, uploaded_ms: int) -> Iterator[int]:
    """Slots that a video may take, the first ones in the second of its upload, later ones soon after."""
    second = min(max(uploaded_ms // 1000, 0), _MAX_S)
    for attempt in range(_MAX_S):
        digest = hashlib.sha256(f"{attempt}:{video_id}".encode()).digest()
        number = int.from_bytes(digest[:2]) >> (16 - _VIDEO_BITS)
        yield min(second + attempt // _TRIES_A_SECOND, _MAX_S) << _VIDEO_BITS | number


def slot_of(sentence_id: int) -> int:
    """The slot of the video that a sentence belongs to."""
    return sentence_id >> _SENTENCE_BITS


def ids_in(slot: int) -> tuple[int, int]:
    """The first and the last id that sentences of a video may have."""
    return slot << _SENTENCE_BITS, ((slot + 1) << _SENTENCE_BITS) - 1


def ids_between(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The first and the last id of videos uploaded between these, to the second and both inclusive."""
    bits = _VIDEO_BITS + _SENTENCE_BITS
    low = 0 if since is None else _seconds(since) << bits
    high = _MAX_ID if until is None else ((_seconds(until) + 1) << bits) - 1
    return low, high


def milliseconds(time: datetime) -> int:
    """Unix time; a time without a zone is taken for UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _seconds(time: datetime) -> int:
    """Cut, not rounded: the last microsecond of a day is not of the next one."""
    return min(max(milliseconds(time.replace(microsecond=0)) // 1000, 0), _MAX_S)
