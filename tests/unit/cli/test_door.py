"""How much unfinished work is admitted at once."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ops.pipeline.door import Door, Limits
from schemas.events import (
    FailureKind,
    Options,
    Part,
    StageFailed,
    VideoFailed,
    VideoProbed,
    VideoUploaded,
)

LIMITS = Limits(videos=4, media_s=600, unread_media_s=300)


def upload(number: int, size_bytes: int = 0) -> VideoUploaded:
    return VideoUploaded(video_id=str(number), source="key", size_bytes=size_bytes)


def probed(number: int, duration_s: float | None) -> VideoProbed:
    return VideoProbed(
        video_id=str(number),
        source="key",
        name="name",
        container="mp4",
        duration_s=duration_s,
        start_time_s=0,
        audio_tracks=(),
        video_tracks=(),
        audio_track=None,
        options=Options(),
        wanted=(Part.CAPTIONS,),
    )


def failed(number: int) -> VideoFailed:
    return VideoFailed(
        video_id=str(number),
        made_at=datetime.now(UTC),
        name="name",
        kind=FailureKind.FILE,
        reason="broken",
        parts=(),
    )


def piece_failed(number: int, index: int, length_s: float) -> StageFailed:
    return StageFailed(
        video_id=str(number),
        stage="transcriber",
        index=index,
        start_s=index * length_s,
        end_s=(index + 1) * length_s,
        kind=FailureKind.BUG,
        reason="",
    )


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=40))
def test_all_get_in_and_those_inside_keep_to_the_limits_or_are_alone(lengths_s: list[float]) -> None:
    door = Door(LIMITS)
    inside: list[int] = []
    for number, length_s in enumerate(lengths_s):
        entering = upload(number, size_bytes=round(length_s * 4000))
        while not door.lets_in(entering):
            assert inside, "an empty room lets anybody in"
            door.take(failed(inside.pop(0)))
        door.enter(entering)
        inside.append(number)
        assert len(inside) <= LIMITS.videos
        assert len(inside) == 1 or sum(lengths_s[i] for i in inside) <= LIMITS.unread_media_s + 1


def test_a_large_file_of_unknown_length_holds_the_door_until_it_is_probed() -> None:
    door = Door(LIMITS)
    door.enter(upload(1, size_bytes=100_000_000))
    assert not door.lets_in(upload(2))

    door.take(probed(1, duration_s=60))

    assert door.lets_in(upload(2))


def test_pieces_that_are_read_make_room_before_their_video_is_done() -> None:
    door = Door(LIMITS)
    door.enter(upload(1))
    door.take(probed(1, duration_s=400))
    assert not door.lets_in(upload(2))

    door.take(piece_failed(1, 0, 60))
    door.take(piece_failed(1, 1, 60))
    door.take(piece_failed(1, 1, 60))

    assert door.lets_in(upload(2))


def test_events_of_others_change_nothing() -> None:
    door = Door(Limits(videos=1))
    door.enter(upload(1))

    door.take(probed(2, duration_s=5))
    door.take(failed(2))

    assert not door.lets_in(upload(3))
