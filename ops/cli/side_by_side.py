"""Two results of one video side by side, for people and for programs."""

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from ops.cli.text import clock, counted, shown
from ops.replay.compare import Comparison, Difference
from ops.replay.transcripts import StoredTranscript
from schemas.events import VideoUploaded

_TIME_WIDTH = 8
_WIDEST = 120
_OPEN, _CLOSE = "[", "]"
_NOTHING = "–"
"""What differs stands between these, so that it is seen without colours, too."""


def side_by_side(
    upload: VideoUploaded, old: StoredTranscript, new: StoredTranscript, comparison: Comparison
) -> Iterator[str]:
    """A summary, then a row for each difference: when, what the old result says, what the new one."""
    differing = comparison.substituted + comparison.inserted + comparison.deleted
    yield f"{shown(upload.name or upload.video_id)}  {comparison.share:.1%} of the words differ"
    if not differing:
        return
    yield (
        f"{comparison.substituted:,} substituted, {comparison.deleted:,} deleted, "
        f"{comparison.inserted:,} inserted, {comparison.same:,} the same"
    )
    yield ""
    width = (min(_WIDEST, shutil.get_terminal_size((80, 24)).columns) - _TIME_WIDTH - 4) // 2
    yield _row("", _head(old), _head(new), width)
    for difference in comparison.differences:
        left = _wrapped(difference, difference.old, width)
        right = _wrapped(difference, difference.new, width)
        when = clock(difference.start_s)
        for n, (a, b) in enumerate(zip_longest(left, right, fillvalue="")):
            yield _row(when if n == 0 else "", a, b, width)


def as_record(
    upload: VideoUploaded, old: StoredTranscript, new: StoredTranscript, comparison: Comparison
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "video_id": upload.video_id,
        "name": upload.name,
        "old": _about(old),
        "new": _about(new),
        "share": round(comparison.share, 4),
        **asdict(comparison),
    }


def _about(transcript: StoredTranscript) -> dict[str, Any]:
    return {
        "revision": transcript.revision,
        "models": list(transcript.models),
        "language": transcript.language,
        "words": len(transcript.words),
    }


def _head(transcript: StoredTranscript) -> str:
    models = ", ".join(shown(model) for model in transcript.models) or "no words"
    return f"revision {transcript.revision} ({models}, {counted(len(transcript.words), 'word')})"


def _wrapped(difference: Difference, said: str, width: int) -> list[str]:
    """One side's words with the common ones around them, in lines."""
    parts = (difference.before, f"{_OPEN}{said or _NOTHING}{_CLOSE}", difference.after)
    return textwrap.wrap(shown(" ".join(part for part in parts if part)), width) or [""]


def _row(when: str, left: str, right: str, width: int) -> str:
    return f"{when:>{_TIME_WIDTH}}  {_cut(left, width):<{width}}  {_cut(right, width)}".rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
