"""What `up` says of itself, and that there is only one."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ops.pipeline.state import StateFolder
from ops.up.lock import Held, hold, is_held
from ops.up.status import ProcessStatus, Status, VideoStatus, read_status, write_status
from ops.up.supervisor import trim_logs
from tests.disks import small_disk

STATUS = Status(
    pid=1,
    time=time.time(),
    began=0.0,
    brokers="127.0.0.1:1",
    model="tiny.en",
    workers=2,
    roots=("/films",),
    watch=None,
    out=None,
    trouble=None,
    fresh_starts=0,
    completed=1,
    failed=2,
    cancelled=3,
    at_work=1,
    waiting=0,
    videos=(VideoStatus("v", 1, "talk.mp4", "transcribing", 1, 4, True, 2.0),),
    processes=(ProcessStatus("converter", 2, 0, None),),
)


def test_a_status_is_read_only_while_its_writer_lives(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with hold(state.lock):
        assert read_status(state) is None, "it has said nothing yet"
        write_status(state.status, STATUS)
        assert read_status(state) == STATUS

    assert read_status(state) is None


def test_the_lock_is_had_by_one_process_and_free_when_that_is_done(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "lock"
    with hold(lock):
        assert is_held(lock)
        with pytest.raises(Held), hold(lock, try_s=0.1):
            pass

    assert not is_held(lock)


def test_a_status_is_written_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        state = StateFolder(disk)
        write_status(state.status, STATUS)
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(bytes(2 << 20))
        assert shutil.disk_usage(disk).free == 0
        full = replace(STATUS, trouble="the disk is full")

        write_status(state.status, full)

        with hold(state.lock):
            assert read_status(state) == full


def test_a_log_that_is_too_long_begins_anew_and_its_writer_goes_on(tmp_path: Path) -> None:
    with (tmp_path / "converter.log").open("ab", 0) as log:
        log.write(b"old line\n")
        trim_logs(tmp_path, max_bytes=5)
        log.write(b"new\n")
        trim_logs(tmp_path, max_bytes=5)

    assert (tmp_path / "converter.log").read_bytes() == b"new\n"
    assert (tmp_path / "converter.log.1").read_bytes() == b"old line\n"
