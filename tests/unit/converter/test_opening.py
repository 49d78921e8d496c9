"""The audio that decides a video's language is the same for all segments of its opening."""

from collections.abc import Iterator

import pytest

from processors.converter.faults import Unusable
from processors.converter.opening import MOST, with_opening
from schemas.events import ArtefactRef, AudioSegmented, Options


def segments(count: int, *, each_s: float = 50.0) -> Iterator[AudioSegmented]:
    for index in range(count):
        start_s, end_s = index * each_s, (index + 1) * each_s
        yield AudioSegmented(
            video_id="v",
            index=index,
            start_s=start_s,
            end_s=end_s,
            audio_start_s=start_s,
            audio_end_s=end_s,
            audio=ArtefactRef(key=f"media/{index}", sha256="", size_bytes=1),
            language_from=(),
            options=Options(),
        )


def named(segment: AudioSegmented) -> list[int]:
    return [int(ref.key.removeprefix("media/")) for ref in segment.language_from]


def test_every_segment_of_the_opening_names_all_of_it() -> None:
    first, second, third, fourth, fifth = with_opening(segments(5))
    assert named(first) == named(second) == named(third) == [0, 1, 2]
    assert named(fourth) == [0, 1, 2]
    assert named(fifth) == [0, 1, 2, 3]


def test_a_video_shorter_than_the_opening_names_all_that_it_has() -> None:
    assert [named(segment) for segment in with_opening(segments(2))] == [[0, 1], [0, 1]]
    assert list(with_opening(segments(0))) == []


def test_a_long_video_names_the_first_segments_only() -> None:
    assert [named(segment) for segment in with_opening(segments(100))][-1] == list(range(MOST))


@pytest.mark.parametrize("whole", [1, 4])
def test_what_was_stored_before_a_fault_is_out_before_it(whole: int) -> None:
    def damaged() -> Iterator[AudioSegmented]:
        yield from segments(whole)
        raise Unusable("damaged")

    out: list[int] = []
    with pytest.raises(Unusable):
        out.extend(segment.index for segment in with_opening(damaged()))
    # extend keeps what came before the fault
    assert out == list(range(whole))
