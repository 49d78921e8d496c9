"""How far a video is, by the events that were seen."""

from ops.pipeline.progress import Pace, Progress
from schemas.events import FailureKind, StageFailed, VideoConverted, VideoUploaded

UPLOAD = VideoUploaded(video_id="v", source="key", name="talk.mp4")


def piece(index: int) -> StageFailed:
    return StageFailed(
        video_id="v",
        stage="transcriber",
        index=index,
        start_s=index * 60.0,
        end_s=index * 60.0 + 60,
        kind=FailureKind.BUG,
        reason="",
    )


def test_pace_is_that_of_the_last_minute() -> None:
    pace = Pace()
    assert pace.rate(90) == 0
    pace.begin(100)
    assert pace.rate(100) == 0

    pace.add(60, now_s=110)
    assert pace.rate(120) == 3

    pace.add(120, now_s=200)
    assert pace.rate(200) == 2


def test_a_repeated_event_counts_once() -> None:
    progress = Progress()
    progress.take(UPLOAD, 0)

    progress.take(piece(0), 10)
    progress.take(piece(0), 11)

    (video,) = progress.at_work.values()
    assert video.media_done_s == 60


def test_time_left_follows_from_pace_and_length() -> None:
    progress = Progress()
    progress.take(UPLOAD, 0)
    (video,) = progress.at_work.values()
    assert video.left_s(5) is None

    progress.take(VideoConverted(video_id="v", segments=3, duration_s=180, has_audio=True), 5)
    progress.take(piece(0), 10)
    assert video.left_s(15) is None, "one piece is no measure"
    progress.take(piece(1), 30)

    assert video.left_s(30) == 10
    assert not video.is_joining
    progress.take(piece(2), 40)
    assert video.is_joining
