"""What is wished for is announced, whatever happens between the wish and its announcement."""

import os
import time
from pathlib import Path

import pytest

from connectors.errors import DependencyDown
from connectors.gateway.announcing import Asked, Wisher
from connectors.objectstore import FolderStore
from connectors.objectstore.revisions import take_revision
from schemas.events import Options, VideoUploaded


class Heard:
    """What was announced; nothing is while the broker is down."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.is_down = is_down
        self.events: list[Asked] = []

    def announce(self, event: Asked) -> None:
        if self.is_down:
            raise DependencyDown("broker", "asleep")
        self.events.append(event)


def marks(folder: Path) -> list[Path]:
    return [path for path in folder.glob("gateway/unannounced/**/*") if path.is_file()]


def test_a_wish_that_another_gateway_looks_for_before_it_is_written_is_announced_all_the_same(
    tmp_path: Path,
) -> None:
    """As on a store that is slow, where writing it takes longer than a mark is left alone."""
    store, other = FolderStore(tmp_path), Heard()

    def write() -> VideoUploaded:
        assert Wisher(store, other).repair(older_than_s=-1.0) == 0
        return take_revision(
            store, "slow", source="a", name="a", size_bytes=1, options=Options(), revision=1
        )

    upload = Wisher(store, Heard(is_down=True)).wish("slow", write)

    assert Wisher(store, other).repair(older_than_s=-1.0) == 1
    assert other.events == [upload]
    assert not marks(tmp_path)


def test_the_mark_of_a_wish_that_was_never_written_goes_in_the_end(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    def write() -> VideoUploaded:
        raise DependencyDown("object store", "asleep")

    with pytest.raises(DependencyDown):
        Wisher(store, Heard()).wish("never", write)
    [mark] = marks(tmp_path)
    assert Wisher(store, Heard()).repair(older_than_s=-1.0) == 0
    assert marks(tmp_path) == [mark]
    os.utime(mark, (time.time() - 3700,) * 2)

    assert Wisher(store, Heard()).repair() == 0
    assert not marks(tmp_path)
