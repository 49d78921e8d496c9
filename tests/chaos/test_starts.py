"""Kills that the dice seldom meet: while everything starts."""

import random
import time
from pathlib import Path

from ops.up.status import read_status
from tests.chaos.up import BROKER, Member, Up
from tests.chaos.uploads import Uploads, make_files

_DEADLINE_S = 240.0
_TICK_S = 0.001


def test_a_broker_that_dies_before_its_supervisor_has_talked_to_it_is_replaced(tmp_path: Path) -> None:
    files = make_files(tmp_path / "files", random.Random(0), count=1)
    with Up(tmp_path, root=tmp_path / "files") as up:
        awaited(up, "converter")
        awaited(up, BROKER).process.kill()
        uploads = Uploads(up.store)
        uploads.publish(files[-1])

        uploads.await_all(up, within_s=_DEADLINE_S)

        status = read_status(up.state)
        assert status is not None
        assert status.fresh_starts == 1


def awaited(up: Up, role: str) -> Member:
    """The process of that role, as soon as it is there."""
    deadline = time.monotonic() + _DEADLINE_S
    while not (found := [member for member in up.members() if member.role == role]):
        assert time.monotonic() < deadline
        time.sleep(_TICK_S)
    return found[0]
