"""A full disk stops the work, not the program; room makes it go on."""

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import small_disk
from tests.integration.up.conftest import Clips
from tests.integration.up.world import World, soon


@pytest.fixture
def small(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A state folder on a disk of 24 MB."""
    with small_disk(tmp_path / "disk", megabytes=24) as disk:
        world = World(disk, tmp_path_factory.getbasetemp(), tmp_path / "out")
        yield world
        world.close()


def fill(place: Path) -> None:
    """Leave no byte."""
    with place.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


def test_work_waits_while_the_disk_is_full_and_goes_on_when_there_is_room(
    small: World, clips: Clips
) -> None:
    small.start()
    transcriber = small.process("transcriber").pid
    os.kill(transcriber, signal.SIGSTOP)
    video_id = small.publish(clips.one("waits"))
    soon(lambda: small.video(video_id)["at_work"])
    filler = small.root / "filler"
    fill(filler)
    os.kill(transcriber, signal.SIGCONT)

    soon(lambda: "waiting: the disk is full" in small("status").stdout)
    refused = small("publish", clips.one("refused"), check=False)
    assert refused.returncode == 1
    assert "No space left on device" in refused.stderr
    assert not small.outcome(video_id).exists()
    waiting = small.video(video_id)
    assert waiting["outcome"] is None

    filler.unlink()

    soon(small.outcome(video_id).exists)
    soon((small.out / "waits" / "waits.en.srt").exists)
    assert small.video(video_id)["outcome"] == "completed"
    assert not list(small.state.store.rglob(".writing-*"))
    soon(lambda: "waiting" not in small("status").stdout)
