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

LIMITS = Limits(videos=4, media_s=600, unread_media_s=300, unknown_media_s=100)


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
def test_all_get_in_and_those_beside_the_longest_keep_to_the_limits(lengths_s: list[float]) -> None:
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
        assert sum(sorted(lengths_s[i] for i in inside)[:-1]) <= LIMITS.unread_media_s + 1


def test_a_large_file_of_unknown_length_holds_the_door_for_the_next_until_it_is_probed() -> None:
    door = Door(LIMITS)
    door.enter(upload(1, size_bytes=100_000_000))
    assert not door.lets_in(upload(2, size_bytes=100_000_000))

    door.take(probed(1, duration_s=60))

    assert door.lets_in(upload(2, size_bytes=100_000_000))


def test_a_short_video_does_not_wait_behind_a_long_one() -> None:
    door = Door(Limits())
    door.enter(upload(1, size_bytes=10**10))
    door.take(probed(1, duration_s=10 * 3600))

    assert door.lets_in(upload(2, size_bytes=40_000_000))


def test_what_has_left_takes_no_room() -> None:
    door = Door(Limits(videos=1))
    door.enter(upload(1))

    door.leave(("1", 1))

    assert door.lets_in(upload(2))


def test_pieces_that_are_read_make_room_before_their_video_is_done() -> None:
    door = Door(LIMITS)
    for number, length_s in ((1, 400), (2, 250)):
        door.enter(upload(number))
        door.take(probed(number, duration_s=length_s))
    third = upload(3, size_bytes=90 * 4000)
    assert not door.lets_in(third)

    door.take(piece_failed(2, 0, 60))
    door.take(piece_failed(2, 0, 60))

    assert door.lets_in(third)


def test_events_of_others_change_nothing() -> None:
    door = Door(Limits(videos=1))
    door.enter(upload(1))

    door.take(probed(2, duration_s=5))
    door.take(failed(2))

    assert not door.lets_in(upload(3))
