"""The door: how much unfinished work the embedded broker is given at once.

The broker keeps the newest 5 MiB of each partition and drops the rest without a word, so what is unread
in any partition must stay below that whatever the readers do. The sums, for fast speech (200 words a
minute), segments of at most 60 s, and 450 bytes of key and headers with each event:

- `segment.transcribed` is keyed by video, so a whole video may be unread in one partition. A word takes
  up to 35 bytes (8 of text, two times, a probability): 200 x 35 + 1,500 for the rest = 8.5 kB a minute.
  `unread_media_s` = 120 minutes are 1 MB, if the enricher read nothing and all videos met in one
  partition.
- `segment.enriched`: sentences hold the text once more (1.2 kB), with times, keywords and facts 4 kB a
  minute. It is read last, so whole videos count until their outcome: `media_s` = 300 minutes are 1.2 MB.
- `audio.segmented`: keyed by segment, up to 10.5 kB with its references (64 of them). 300 minutes are
  3.2 MB, even in one partition.
- `video.*`: some kB for each of `videos` = 64.

The longest video inside is not counted: it must be let in at some time, and a short one shall not wait
until a long one is done. 8 hours are 4 MB more of `segment.transcribed` if the enricher read nothing
until the last word. It does read; and a reader that finds records dropped stops with an error, so
nothing is skipped in silence.

While a file's length is not known, it is taken as if it had 32 kbit/s. That is far too long for most
files, so the first of unknown length counts for at most `unknown_media_s`; the next waits until the
converter has looked at this one: some tenths of a second.
"""

from dataclasses import dataclass, field

from schemas.events import (
    Event,
    SegmentEnriched,
    StageFailed,
    VideoCancelled,
    VideoCompleted,
    VideoFailed,
    VideoProbed,
    VideoUploaded,
)

_ASSUMED_BYTES_PER_S = 4_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be unfinished at once; the defaults are worked out above."""

    videos: int = 64
    media_s: float = 300 * 60
    unread_media_s: float = 120 * 60
    unknown_media_s: float = 30 * 60


@dataclass(slots=True)
class _Inside:
    media_s: float
    is_known: bool = False
    done_s: dict[int, float] = field(default_factory=dict)

    @property
    def unread_s(self) -> float:
        return max(0.0, self.media_s - sum(self.done_s.values()))


class Door:
    """Lets uploads in while the work inside stays within the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside: dict[tuple[str, int], _Inside] = {}

    def lets_in(self, upload: VideoUploaded) -> bool:
        """Whether there is room; always if nothing is inside."""
        if not self._inside:
            return True
        inside = self._inside.values()
        length_s = _assumed_s(upload)
        if all(video.is_known for video in inside):
            length_s = min(length_s, self._limits.unknown_media_s)
        return (
            len(inside) < self._limits.videos
            and _all_but_the_longest(length_s, *(video.media_s for video in inside))
            <= self._limits.media_s
            and _all_but_the_longest(length_s, *(video.unread_s for video in inside))
            <= self._limits.unread_media_s
        )

    def enter(self, upload: VideoUploaded) -> None:
        """The upload is published."""
        self._inside[upload.video_id, upload.revision] = _Inside(_assumed_s(upload))

    def leave(self, revision: tuple[str, int]) -> None:
        """Nothing more comes of this one."""
        self._inside.pop(revision, None)

    def take(self, event: Event) -> None:
        """Something happened inside; events of others are ignored."""
        key = (event.video_id, event.revision)
        video = self._inside.get(key)
        if video is None:
            return
        match event:
            case VideoProbed():
                video.is_known = True
                if event.duration_s is not None:
                    video.media_s = event.duration_s
            case SegmentEnriched():
                video.done_s[event.index] = event.end_s - event.start_s
            case StageFailed(index=int(index)):
                video.done_s[index] = (event.end_s or 0.0) - (event.start_s or 0.0)
            case VideoCompleted() | VideoFailed() | VideoCancelled():
                self.leave(key)


def _assumed_s(upload: VideoUploaded) -> float:
    return (upload.size_bytes or 0) / _ASSUMED_BYTES_PER_S


def _all_but_the_longest(*lengths_s: float) -> float:
    return sum(lengths_s) - max(lengths_s)
