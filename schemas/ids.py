"""Deterministic ids: the same piece of work has the same event id, however often it is done."""

import hashlib
from uuid import UUID

_EVENTS = UUID("6f9b1c62-5f5e-5e0b-9d38-0f1a8f0a7c11").bytes


def event_id(event_type: str, video_id: str, revision: int, stage: str, index: int | None = None) -> str:
    """UUID 5 of what an event is about.

    event_type: class name of the event. stage: who emits it. index: segment index, or what else tells
    several events of one type and stage apart; None where there is one.
    """
    piece = "" if index is None else str(index)
    name = "\n".join((event_type, video_id, str(revision), stage, piece))
    # RFC 9562, section 5.5, as `uuid.uuid5` does it, which takes four times as long
    digest = hashlib.sha1(_EVENTS + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
