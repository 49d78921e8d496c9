"""How far each video is, from the events that were seen. Plain data; no clock of its own."""

from collections import deque
from dataclasses import dataclass, field

from schemas.events import (
    AudioSegmented,
    Event,
    SegmentEnriched,
    StageFailed,
    VideoCancelled,
    VideoCompleted,
    VideoConverted,
    VideoFailed,
    VideoProbed,
    VideoUploaded,
)

_WINDOW_S = 60.0


@dataclass(slots=True)
class Pace:
    """Seconds of media done per second, over the last minute, from when there was something to do."""

    began_s: float | None = None
    _marks: deque[tuple[float, float]] = field(default_factory=deque)

    def begin(self, now_s: float) -> None:
        """There is something to do. Times are of any clock that does not go back."""
        if self.began_s is None:
            self.began_s = now_s

    def add(self, media_s: float, now_s: float) -> None:
        """So much media was done just now."""
        self.begin(now_s)
        self._marks.append((now_s, media_s))
        self._forget(now_s)

    def rate(self, now_s: float) -> float:
        """0 until something is done."""
        self._forget(now_s)
        span_s = 0.0 if self.began_s is None else min(_WINDOW_S, now_s - self.began_s)
        return sum(media_s for _, media_s in self._marks) / span_s if span_s > 0 else 0.0

    def _forget(self, now_s: float) -> None:
        while self._marks and self._marks[0][0] < now_s - _WINDOW_S:
            self._marks.popleft()


@dataclass(slots=True)
class VideoProgress:
    """One video at work. duration_s and segments are None until they are known."""

    name: str
    pace: Pace
    duration_s: float | None = None
    segments_out: int = 0
    segments: int | None = None
    done_s: dict[int, float] = field(default_factory=dict)
    probed: bool = False

    @property
    def media_done_s(self) -> float:
        """Seconds of media whose words are there."""
        return sum(self.done_s.values())

    @property
    def segments_expected(self) -> int | None:
        """All segments that there will be, or those that are out while more come; None before any."""
        if self.segments is not None:
            return self.segments
        return self.segments_out or None

    @property
    def stage(self) -> str:
        """What is done for it, in words."""
        if not self.probed:
            return "starting"
        if self.is_joining:
            return "writing captions"
        return "transcribing" if self.segments_expected else "reading the sound"

    @property
    def is_joining(self) -> bool:
        """All its pieces are there; the aggregator writes the results."""
        return self.segments is not None and len(self.done_s) >= self.segments

    def left_s(self, now_s: float) -> float | None:
        """Seconds until its words are there, None if that cannot be said yet: the first piece is no
        measure, since it is short and waited for the model."""
        rate = self.pace.rate(now_s)
        if self.duration_s is None or rate <= 0 or len(self.done_s) < 2:
            return None
        return max(0.0, self.duration_s - self.media_done_s) / rate


class Progress:
    """All videos at work."""

    def __init__(self) -> None:
        self.at_work: dict[tuple[str, int], VideoProgress] = {}
        self.begun = 0
        self.pace = Pace()

    def forget(self) -> None:
        """All begins anew."""
        self.at_work.clear()
        self.pace = Pace()

    def take(self, event: Event, now_s: float) -> None:
        """Something happened to one of our videos."""
        key = (event.video_id, event.revision)
        if isinstance(event, VideoUploaded):
            self.begun += 1
            self.at_work[key] = VideoProgress(event.name, Pace())
            return
        video = self.at_work.get(key)
        if video is None:
            return
        match event:
            case VideoProbed():
                video.probed = True
                video.duration_s = event.duration_s
            case AudioSegmented():
                video.segments_out = max(video.segments_out, event.index + 1)
                video.pace.begin(now_s)
                self.pace.begin(now_s)
            case VideoConverted():
                video.segments = event.segments
                video.duration_s = event.duration_s
            case SegmentEnriched():
                self._piece_done(video, event.index, event.end_s - event.start_s, now_s)
            case StageFailed(index=int(index)):
                length_s = (event.end_s or 0.0) - (event.start_s or 0.0)
                self._piece_done(video, index, max(0.0, length_s), now_s)
            case VideoCompleted() | VideoFailed() | VideoCancelled():
                del self.at_work[key]

    def _piece_done(self, video: VideoProgress, index: int, length_s: float, now_s: float) -> None:
        if index not in video.done_s:
            video.done_s[index] = length_s
            video.pace.add(length_s, now_s)
            self.pace.add(length_s, now_s)
