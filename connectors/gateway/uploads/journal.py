"""Uploads' records in the store, and whose turn it is to write.

Each request that brings bytes takes a turn: it creates `gateway/uploads/<video_id>/<number>.json`, one
number above the last, with what was known before, and alone writes to that object from then on. What
the record of the highest number says is true; whoever has an earlier one and comes back, however late,
writes where nobody looks any more. So two that come at once are told apart by the store, one that was
killed holds nobody up, and one that only seemed dead does no harm: it can merely write parts, whose
place and bytes are the same whoever writes them. (A client that sends other bytes for one place at the
same time spoils its own upload: S3 does not complete it, and a folder keeps those that came last.)
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from connectors.gateway.uploads.records import Record, Step, dump, load
from connectors.objectstore import ObjectMissing, ObjectStore

_PREFIX = "gateway/uploads/"
_RECORD = re.compile(r"/([0-9]{8,})\.json$")
_KEPT = 8
"""Earlier turns that stay, so that a listing that is under way finds one of them."""


class NoSuchUpload(LookupError):
    """There is no upload of that id, or it was removed."""


class Superseded(Exception):
    """Somebody else has taken the next turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of an upload, by its number."""

    video_id: str
    number: int

    @property
    def record_key(self) -> str:
        """Where its record is."""
        return f"{_folder(self.video_id)}{self.number:08}.json"

    @property
    def tail_key(self) -> str:
        """Where it leaves the bytes that make no whole part."""
        return f"{_folder(self.video_id)}{self.number:08}.tail"


class Journal:
    """For several threads. Every call blocks, and raises DependencyDown."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def begin(self, record: Record) -> Turn:
        """The first turn of a new upload."""
        turn = Turn(record.video_id, 1)
        self._store.put(turn.record_key, dump(record))
        return turn

    def latest(self, video_id: str) -> tuple[Turn, Record]:
        """The turn that counts, and its record. Raises NoSuchUpload."""
        while True:
            turn = self._last(video_id)
            try:
                return turn, load(self._store.get(turn.record_key))
            except ObjectMissing:  # removed, or so long ago that it was cleared away
                continue

    def claim(self, after: Turn, record: Record) -> Turn:
        """Take the turn after that one. Raises Superseded."""
        turn = Turn(after.video_id, after.number + 1)
        if not self._store.put_if_absent(turn.record_key, dump(record)):
            raise Superseded(turn.video_id)
        self.check(turn)
        self._forget(Turn(turn.video_id, turn.number - _KEPT), record)
        return turn

    def save(self, turn: Turn, record: Record) -> None:
        """Say what is known now; only for who took that turn. Raises Superseded if it is over, though
        then nobody will see what was said."""
        self._store.put(turn.record_key, dump(record))
        self.check(turn)

    def check(self, turn: Turn) -> None:
        """Raises Superseded if that is not the latest turn."""
        try:
            if self._last(turn.video_id) == turn:
                return
        except NoSuchUpload:
            pass
        raise Superseded(turn.video_id)

    def names(self, video_id: str, parts_id: str) -> bool:
        """Whether the upload's record names these parts. If the latest turn is another's than theirs who
        began them and it does not, none ever will. Raises ValueError for a record that nobody can
        read."""
        try:
            _, record = self.latest(video_id)
        except NoSuchUpload:
            return False
        return record.parts_id == parts_id

    def remove(self, video_id: str) -> None:
        """Forget the upload."""
        for key in sorted(self._store.keys(_folder(video_id))):  # the latest goes last
            self._store.delete(key)

    def turns(self) -> Iterator[Turn]:
        """The latest turn of every upload that is not forgotten."""
        for video_id, keys in groupby(self._store.keys(_PREFIX), lambda key: key.split("/")[2]):
            if (number := max(_numbers(keys), default=0)) > 0:
                yield Turn(video_id, number)

    def _forget(self, turn: Turn, latest: Record) -> None:
        """Clear a turn away, but for bytes that still count, since nothing came after it."""
        if turn.number > 0:
            self._store.delete(turn.record_key)
            if latest.tail is None or latest.tail.key != turn.tail_key:
                self._store.delete(turn.tail_key)

    def _last(self, video_id: str) -> Turn:
        number = max(_numbers(self._store.keys(_folder(video_id))), default=0)
        if number == 0:
            raise NoSuchUpload(video_id)
        return Turn(video_id, number)


def forget_accepted(store: ObjectStore, video_id: str) -> None:
    """Forget an upload that is a video. Blocks; raises DependencyDown."""
    journal = Journal(store)
    try:
        _, record = journal.latest(video_id)
    except (NoSuchUpload, ValueError):
        return
    if record.step is Step.ACCEPTED:
        journal.remove(video_id)


def _numbers(keys: Iterable[str]) -> Iterator[int]:
    """Those of turns, of the records among the keys."""
    return (int(found[1]) for key in keys if (found := _RECORD.search(key)))


def _folder(video_id: str) -> str:
    return f"{_PREFIX}{video_id}/"
