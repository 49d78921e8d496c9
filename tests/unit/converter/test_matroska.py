import subprocess
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.converter.matroska import blocks


@cache
def stream() -> bytes:
    """Two seconds of PCM from ffmpeg, the second one 40 s late: several clusters."""
    graph = "sine=d=2:r=16000,asetpts='if(gte(T,1),PTS+40*16000,PTS)',aformat=s16:16000:mono"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        graph,
        "-c:a",
        "pcm_s16le",
        "-f",
        "matroska",
        "-",
    ]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def pcm() -> bytes:
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=2:r=16000", "-f", "s16le", "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def test_the_blocks_hold_all_samples_and_their_times() -> None:
    found = list(blocks([stream()]))
    assert b"".join(payload for _, payload in found) == pcm()
    assert found[0][0] == 0
    assert found[-1][0] > 41_000
    seconds = [ms // 1000 for ms, _ in found]
    assert seconds == sorted(seconds)
    assert set(seconds) <= {0, 1, 40, 41, 42}


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_blocks_do_not_depend_on_how_the_bytes_arrive(sizes: list[int]) -> None:
    def chunks() -> Iterator[bytes]:
        at = 0
        while at < len(stream()):
            for size in sizes:
                yield stream()[at : at + size]
                at += size

    sizes = [max(size, 50) for size in sizes]
    assert list(blocks(chunks())) == list(blocks([stream()]))


@given(st.integers(0, 3000))
def test_a_stream_that_breaks_off_gives_the_whole_blocks_before(length: int) -> None:
    assert list(blocks([stream()]))[: len(found := list(blocks([stream()[:length]])))] == found


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not Matroska"):
        list(blocks([bytes(100)]))
