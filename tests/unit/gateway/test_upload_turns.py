"""Whose turn it is to write to an upload, and what becomes of those whose turn is over."""

import asyncio
import gc
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import DependencyDown
from connectors.gateway.problems import Problem
from connectors.gateway.uploads import UploadLimits, Uploads, digest_of, growing, service
from connectors.gateway.uploads.journal import Journal, NoSuchUpload, Superseded
from connectors.gateway.uploads.records import Record, Step, Tail, dump, load
from connectors.objectstore import PART_BYTES, FolderStore, Part
from connectors.objectstore.contract import Block
from schemas.events import ArtefactRef, Options, Task, VideoUploaded
from schemas.ids import event_id

LIMITS = UploadLimits(max_bytes=2**40, max_uploads=10, max_name_chars=255, kept_s=3600)
MEDIA = b"\x1aE\xdf\xa3"
ID = "0" * 32
RECORD = Record(video_id=ID, name="a.mkv", key=f"uploads/{ID}/a.mkv", size_bytes=9, touched=1.5)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


class Acceptance:
    """Remembers what it is given; down at first if told so."""

    def __init__(self, *, down_times: int = 0) -> None:
        self.given: list[tuple[str, int, str]] = []
        self.down_times = down_times

    def __call__(
        self, video_id: str, *, name: str, source: str, size_bytes: int, sha256: str, options: Options
    ) -> VideoUploaded:
        if self.down_times:
            self.down_times -= 1
            raise DependencyDown("broker", "asleep")
        self.given.append((source, size_bytes, sha256))
        id_ = event_id("VideoUploaded", video_id, 1, "test")
        return VideoUploaded(event_id=id_, video_id=video_id, source=source)


class Sender:
    """A client whose bytes come when the test says so."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.wanted = 0

    def send(self, piece: bytes | None) -> None:
        """None: that was all."""
        self._pieces.put_nowait(piece)

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            self.wanted += 1
            piece = await self._pieces.get()
            if piece is None:
                return
            yield piece


def uploads_in(journal: Journal) -> list[str]:
    """The ids of uploads that are not forgotten."""
    return [turn.video_id for turn in journal.turns()]


async def all_of(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 2**18):
        yield data[at : at + 2**18]


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what should become true."""
    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.01)


parts = st.lists(
    st.builds(
        Part,
        number=st.just(0),
        size_bytes=st.integers(1, PART_BYTES),
        sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
        tag=st.text(max_size=5),
    ),
    max_size=4,
).map(lambda found: tuple(replace(part, number=n) for n, part in enumerate(found, 1)))


@given(
    st.builds(
        Record,
        video_id=st.just(ID),
        name=st.text(max_size=20),
        key=st.text(max_size=20),
        size_bytes=st.none() | st.integers(0, 2**50),
        touched=st.floats(0, 1e10),
        options=st.builds(
            Options,
            language=st.none() | st.text(),
            model=st.none() | st.text(),
            task=st.sampled_from(Task),
        ),
        metadata=st.text(max_size=20),
        step=st.sampled_from(Step),
        parts_id=st.none() | st.text(max_size=5),
        parts=parts,
        tail=st.none() | st.builds(Tail, st.text(max_size=5), st.integers(1, PART_BYTES)),
        sha256=st.none() | st.text(max_size=5),
        revision=st.none() | st.integers(1, 9),
    )
)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert load(dump(record)) == record


def test_a_digest_is_that_of_the_parts_digests() -> None:
    digests = [hashlib.sha256(bytes([n])) for n in range(3)]
    made = [Part(n, 1, digest.hexdigest(), "") for n, digest in enumerate(digests, 1)]

    assert digest_of(made) == hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()


def test_of_many_who_claim_a_turn_one_gets_it(store: FolderStore) -> None:
    journal = Journal(store)
    turn = journal.begin(RECORD)

    def claim(number: int) -> bool:
        try:
            Journal(store).claim(turn, replace(RECORD, touched=float(number)))
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim, range(8)))

    assert won.count(True) == 1
    assert journal.latest(ID)[1].touched == won.index(True)


def test_what_is_said_after_ones_turn_is_not_heard(store: FolderStore) -> None:
    journal = Journal(store)
    first = journal.begin(RECORD)
    second = journal.claim(first, replace(RECORD, touched=2.0))

    with pytest.raises(Superseded):
        journal.save(first, replace(RECORD, touched=99.0))

    assert journal.latest(ID) == (second, replace(RECORD, touched=2.0))


def test_a_turn_that_was_cleared_away_cannot_be_taken_again(store: FolderStore) -> None:
    journal = Journal(store)
    turns = [journal.begin(RECORD)]
    for _ in range(30):
        turns.append(journal.claim(turns[-1], RECORD))

    assert len(list(store.keys("gateway/uploads/"))) < 12
    for turn in turns[:-1]:
        with pytest.raises(Superseded):
            journal.claim(turn, replace(RECORD, touched=99.0))
    assert journal.latest(ID) == (turns[-1], RECORD)


def test_bytes_that_count_outlive_many_turns_that_brought_nothing(store: FolderStore) -> None:
    data = MEDIA + bytes(10_000)

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        kept = await uploads.append(record.video_id, 0, all_of(data[:5000]))
        journal = Journal(store)
        for _ in range(20):  # gateways that were killed at once
            turn, latest = journal.latest(record.video_id)
            journal.claim(turn, latest)
        assert kept.offset == 5000
        await uploads.append(record.video_id, 5000, all_of(data[5000:]))
        assert store.get(record.key) == data

    asyncio.run(scenario())


def test_a_removed_upload_is_unknown(store: FolderStore) -> None:
    journal = Journal(store)
    journal.begin(RECORD)
    assert uploads_in(journal) == [ID]

    journal.remove(ID)

    assert uploads_in(journal) == []
    with pytest.raises(NoSuchUpload):
        journal.latest(ID)


def test_who_seemed_dead_and_comes_back_changes_nothing(store: FolderStore) -> None:
    """As a gateway that was frozen while another went on with its upload to the end."""
    data = MEDIA + bytes(2 * PART_BYTES)

    async def scenario() -> None:
        accept = Acceptance()
        frozen, other = Uploads(store, accept, LIMITS), Uploads(store, accept, LIMITS)
        record = await frozen.create("a.mkv", len(data), Options())
        sender = Sender()
        late = asyncio.create_task(frozen.append(record.video_id, 0, sender.pieces()))
        sender.send(data[: PART_BYTES + 5])

        async def has_begun() -> bool:
            return (await other.find(record.video_id)).parts_id is not None

        await until(has_begun)
        offset = (await other.find(record.video_id)).offset
        done = await other.append(record.video_id, offset, all_of(data[offset:]))
        assert done.step is Step.ACCEPTED
        sender.send(data[PART_BYTES + 5 :])
        sender.send(None)
        with pytest.raises(Problem) as raised:
            await late
        assert raised.value.status in (404, 423)
        assert len(accept.given) == 1
        assert store.get(record.key) == data

    asyncio.run(scenario())


def test_a_client_that_comes_again_to_the_same_gateway_takes_over_what_came(store: FolderStore) -> None:
    """Its earlier connection is dead, and nobody has told the gateway."""
    data = MEDIA + bytes(100_000)

    async def scenario() -> None:
        uploads = Uploads(store, accept := Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        sender = Sender()
        first = asyncio.create_task(uploads.append(record.video_id, 0, sender.pieces()))
        sender.send(data[:50_000])

        async def came() -> bool:
            return sender.wanted == 2

        await until(came)
        assert (await uploads.find(record.video_id)).offset == 50_000
        with pytest.raises(Problem) as overtaken:
            await first
        assert overtaken.value.status == 423
        with pytest.raises(Problem) as raised:
            await uploads.append(record.video_id, 0, all_of(data))
        assert (raised.value.status, raised.value.more) == (409, {"offset": 50_000})
        done = await uploads.append(record.video_id, 50_000, all_of(data[50_000:]))
        assert done.step is Step.ACCEPTED
        assert len(accept.given) == 1
        assert store.get(record.key) == data

    asyncio.run(scenario())


def test_a_gateway_that_ends_keeps_what_came(store: FolderStore) -> None:
    data = MEDIA + bytes(100_000)

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        sender = Sender()
        sent = asyncio.create_task(uploads.append(record.video_id, 0, sender.pieces()))
        sender.send(data[:50_000])

        async def came() -> bool:
            return sender.wanted == 2

        await until(came)
        uploads.stop()
        with pytest.raises(Problem) as raised:
            await sent
        assert raised.value.status == 503
        other = Uploads(store, Acceptance(), LIMITS)
        assert (await other.find(record.video_id)).offset == 50_000

    asyncio.run(scenario())


class Down(FolderStore):
    """Takes no parts."""

    def put_part(self, key: str, parts_id: str, number: int, data: Block) -> Part:
        raise DependencyDown("object store", f"part {number} is refused")


def test_a_store_that_fails_under_an_upload_is_told_once(tmp_path: Path) -> None:
    """To who brings the bytes, and not by asyncio, of each part that was under way."""
    data = MEDIA + bytes(3 * PART_BYTES)
    complaints: list[dict[str, Any]] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
        uploads = Uploads(Down(tmp_path), Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        with pytest.raises(DependencyDown):
            await uploads.append(record.video_id, 0, all_of(data))
        gc.collect()

    asyncio.run(scenario())

    assert not complaints


class Slow(FolderStore):
    """The first part takes longer than a client may be silent."""

    def put_part(self, key: str, parts_id: str, number: int, data: Block) -> Part:
        if number == 1:
            time.sleep(1.5)
        return super().put_part(key, parts_id, number, data)


def test_a_client_that_waits_for_the_store_is_not_taken_for_one_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with many uploads at once into a store at the end of a slow line."""
    monkeypatch.setattr(service, "_SILENT_S", 1.0)
    monkeypatch.setattr(growing, "_PARTS_AHEAD", 1)
    data = MEDIA + bytes(2 * PART_BYTES)

    async def scenario() -> None:
        uploads = Uploads(Slow(tmp_path), Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        assert (await uploads.append(record.video_id, 0, all_of(data))).step is Step.ACCEPTED

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [5000, 2 * PART_BYTES])
@pytest.mark.parametrize("is_swept", [False, True])
def test_an_upload_that_was_stopped_behind_its_last_byte_is_accepted(
    store: FolderStore, size: int, is_swept: bool
) -> None:
    """A client that asks then how far it is sends nothing more."""
    data = MEDIA + bytes(size - len(MEDIA))

    async def scenario() -> None:
        uploads = Uploads(store, accept := Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", size, Options())
        sender = Sender()
        sent = asyncio.create_task(uploads.append(record.video_id, 0, sender.pieces()))
        sender.send(data)

        async def came() -> bool:
            return sender.wanted == 2

        await until(came)
        uploads.stop()
        with pytest.raises(Problem):
            await sent
        other = Uploads(store, accept, LIMITS)
        if is_swept:
            await other.sweep()
            assert len(accept.given) == 1
        done = await other.find(record.video_id)
        assert (done.step, done.offset) == (Step.ACCEPTED, size)
        assert len(accept.given) == 1
        assert store.get(record.key) == data

    asyncio.run(scenario())


def test_what_could_not_be_accepted_is_accepted_later_by_anybody(store: FolderStore) -> None:
    data = MEDIA + bytes(PART_BYTES)

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(down_times=1), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        with pytest.raises(DependencyDown):
            await uploads.append(record.video_id, 0, all_of(data))
        accept = Acceptance()
        for _ in range(2):
            await Uploads(store, accept, LIMITS).sweep()
        assert [(source, size) for source, size, _ in accept.given] == [(record.key, len(data))]
        [(_, _, sha256)] = accept.given
        kept = await uploads.find(record.video_id)
        assert (kept.revision, kept.sha256, kept.parts) == (1, sha256, ())

    asyncio.run(scenario())


def test_one_upload_that_cannot_be_read_or_accepted_does_not_hold_up_the_next(
    store: FolderStore,
) -> None:
    data = MEDIA + bytes(1000)

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(down_times=2), LIMITS)
        waiting = [await uploads.create("a.mkv", len(data), Options()) for _ in range(2)]
        for record in waiting:
            with pytest.raises(DependencyDown):
                await uploads.append(record.video_id, 0, all_of(data))
        store.put(f"gateway/uploads/{ID}/00000001.json", b'{"half": 1')
        store.put(f"gateway/uploads/{ID[1:]}1/00000001.json", b"[]")
        accept = Acceptance(down_times=1)
        await Uploads(store, accept, LIMITS).sweep()
        assert len(accept.given) == 1

    asyncio.run(scenario())


def test_an_upload_whose_parts_another_gateway_is_joining_is_not_lost(store: FolderStore) -> None:
    """As with servers that know nothing of the parts any more, and nothing of the object yet."""
    data = MEDIA + bytes(1000)
    parts_id = store.begin_parts(RECORD.key)
    part = store.put_part(RECORD.key, parts_id, 1, data)
    store.abort_parts(RECORD.key, parts_id)
    complete = replace(
        RECORD, step=Step.COMPLETE, size_bytes=len(data), parts_id=parts_id, parts=(part,)
    )

    async def scenario() -> None:
        uploads = Uploads(store, accept := Acceptance(), LIMITS)
        journal = Journal(store)
        journal.begin(replace(complete, touched=time.time()))
        await uploads.sweep()
        with pytest.raises(Problem) as raised:
            await uploads.find(ID)
        assert raised.value.status == 423
        store.put(RECORD.key, data)
        assert (await uploads.find(ID)).step is Step.ACCEPTED
        assert len(accept.given) == 1

        journal.begin(replace(complete, video_id="1" * 32, key="uploads/1/a.mkv", touched=0.0))
        await uploads.sweep()
        assert uploads_in(journal) == [ID]

    asyncio.run(scenario())


def test_the_sweep_leaves_alone_what_a_request_is_accepting(store: FolderStore) -> None:
    data = MEDIA + bytes(1000)

    async def scenario() -> None:
        accept = Acceptance()
        begun, go_on = threading.Event(), threading.Event()

        def slow(video_id: str, **more: Any) -> VideoUploaded:
            begun.set()
            assert go_on.wait(60)
            return accept(video_id, **more)

        uploads = Uploads(store, slow, LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        sent = asyncio.create_task(uploads.append(record.video_id, 0, all_of(data)))

        async def has_begun() -> bool:
            return begun.is_set()

        await until(has_begun)
        try:
            async with asyncio.timeout(30):
                await uploads.sweep()
        finally:
            go_on.set()
        assert (await sent).step is Step.ACCEPTED
        assert len(accept.given) == 1

    asyncio.run(scenario())


def test_only_what_is_old_is_swept_away(store: FolderStore) -> None:
    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(), LIMITS)
        journal = Journal(store)
        fresh = await uploads.create("a.mkv", 10, Options())
        journal.begin(replace(RECORD, touched=time.time() - 3700))
        journal.begin(replace(RECORD, video_id="1" * 32, touched=0.0, step=Step.ACCEPTED))
        journal.begin(replace(RECORD, video_id="2" * 32, step=Step.REMOVED))
        await uploads.sweep()
        assert uploads_in(journal) == [fresh.video_id]

    asyncio.run(scenario())


def test_an_accepted_upload_is_forgotten_after_an_hour_however_long_others_are_kept(
    store: FolderStore,
) -> None:
    day = replace(LIMITS, kept_s=24 * 3600)
    journal = Journal(store)
    for video_id, age_s, step in (
        ("1" * 32, 3500, Step.ACCEPTED),
        ("2" * 32, 3700, Step.ACCEPTED),
        ("3" * 32, 3700, Step.RECEIVING),
    ):
        journal.begin(replace(RECORD, video_id=video_id, touched=time.time() - age_s, step=step))

    asyncio.run(Uploads(store, Acceptance(), day).sweep())

    assert uploads_in(journal) == ["1" * 32, "3" * 32]


class Counting(FolderStore):
    """Remembers which objects were read and which folders were listed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[str] = []

    def get(self, key: str) -> bytes:
        self.asked.append(key)
        return super().get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        self.asked.append(prefix)
        return super().keys(prefix)


def test_what_is_accepted_or_quiet_costs_a_sweep_no_more_than_one_listing(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    journal = Journal(store)
    for number in range(20):
        step = Step.ACCEPTED if number % 2 else Step.RECEIVING
        journal.begin(replace(RECORD, video_id=f"{number:032x}", touched=time.time() - 600, step=step))

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(), LIMITS)
        await uploads.sweep()
        store.asked.clear()
        await uploads.sweep()

    asyncio.run(scenario())

    assert store.asked == ["gateway/uploads/"]


def test_a_quiet_upload_that_somebody_went_on_with_is_looked_at_again(store: FolderStore) -> None:
    """As when another gateway received the rest of it and was killed before it was accepted."""
    data = MEDIA + bytes(1000)

    async def scenario() -> None:
        uploads = Uploads(store, accept := Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        journal = Journal(store)
        turn, _ = journal.latest(record.video_id)
        journal.save(turn, replace(record, touched=time.time() - 600))
        await uploads.sweep()
        with pytest.raises(DependencyDown):
            await Uploads(store, Acceptance(down_times=1), LIMITS).append(
                record.video_id, 0, all_of(data)
            )
        await uploads.sweep()
        assert len(accept.given) == 1

    asyncio.run(scenario())


def test_an_upload_that_became_a_video_keeps_its_file_whoever_comes_back_late(
    store: FolderStore,
) -> None:
    """As a gateway that was frozen until all was accepted and forgotten, and then says where it was."""
    store.put(RECORD.key, MEDIA)
    store.put(f"results/{ID}/1/upload.json", b"{}")

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(), LIMITS)
        journal = Journal(store)
        for _ in range(2):
            journal.begin(replace(RECORD, touched=0.0))
            await uploads.sweep()
            assert uploads_in(journal) == []
        journal.begin(RECORD)
        with pytest.raises(Problem) as raised:
            await uploads.remove(ID)
        assert raised.value.status == 409

    asyncio.run(scenario())
    assert store.get(RECORD.key) == MEDIA


def test_what_is_no_record_among_the_records_is_no_upload(store: FolderStore) -> None:
    store.put("gateway/uploads/readme.json", b"{}")
    store.put(f"gateway/uploads/{ID}/00000001.tail", b"")
    journal = Journal(store)
    assert uploads_in(journal) == []
    journal.begin(RECORD)
    store.put(f"gateway/uploads/{ID}/copy of 00000002.json", b"{}")
    assert journal.latest(ID) == (*journal.turns(), RECORD)


def test_old_parts_that_no_upload_knows_of_are_removed(tmp_path: Path, store: FolderStore) -> None:
    """As when a gateway is killed between beginning them and saying so."""
    known, lost, young = (store.begin_parts(RECORD.key) for _ in range(3))
    orphan = store.begin_parts("uploads/" + "1" * 32 + "/a.mkv")
    other = store.begin_parts("media/a.mkv")
    Journal(store).begin(replace(RECORD, parts_id=known))
    for path in tmp_path.glob("*/**/a.mkv"):
        if young not in str(path):
            os.utime(path, (time.time() - 3700,) * 2)

    asyncio.run(Uploads(store, Acceptance(), LIMITS).sweep_parts())

    left = {parts.parts_id for parts in store.unfinished_parts()}
    assert left == {known, young, other}, (lost, orphan)


class Overtaken(FolderStore):
    """Another gateway takes the next turn when parts were begun, before that is written down."""

    def begin_parts(self, key: str) -> str:
        parts_id = super().begin_parts(key)
        take_over(self, key)
        return parts_id


class Followed(FolderStore):
    """Another gateway takes the next turn once it is written down that parts were begun."""

    def put(self, key: str, data: bytes) -> ArtefactRef:
        ref = super().put(key, data)
        if key.endswith(".json") and load(data).parts_id:
            take_over(self, load(data).key)
        return ref


def take_over(store: FolderStore, key: str) -> None:
    """As another gateway does when the client asks there to go on."""
    journal = Journal(store)
    journal.claim(*journal.latest(key.split("/")[1]))


@pytest.mark.parametrize(("kind", "left"), [(Overtaken, 0), (Followed, 1)])
def test_who_is_overtaken_removes_the_parts_that_the_next_has_not_heard_of(
    tmp_path: Path, kind: type[FolderStore], left: int
) -> None:
    store = kind(tmp_path)
    data = MEDIA + bytes(2 * PART_BYTES)

    async def scenario() -> Problem:
        uploads = Uploads(store, Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        with pytest.raises(Problem) as raised:
            await uploads.append(record.video_id, 0, all_of(data))
        return raised.value

    assert asyncio.run(scenario()).status == 423
    assert len(list(store.unfinished_parts())) == left


class Contested(FolderStore):
    """Another gateway takes each turn just before."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        super().put_if_absent(key, data)
        return super().put_if_absent(key, data)


class Vanishing(FolderStore):
    """Another gateway removes each upload once it was looked at."""

    def get(self, key: str) -> bytes:
        data = super().get(key)
        self.delete(key)
        return data


@pytest.mark.parametrize(("kind", "status"), [(Contested, 423), (Vanishing, 404)])
def test_who_removes_an_upload_that_others_are_at_is_told_so(
    tmp_path: Path, kind: type[FolderStore], status: int
) -> None:
    store = kind(tmp_path)
    Journal(store).begin(RECORD)

    with pytest.raises(Problem) as raised:
        asyncio.run(Uploads(store, Acceptance(), LIMITS).remove(ID))

    assert raised.value.status == status


def test_an_upload_whose_parts_are_gone_is_unknown_from_then_on(store: FolderStore) -> None:
    data = MEDIA + bytes(2 * PART_BYTES)

    async def scenario() -> None:
        uploads = Uploads(store, Acceptance(), LIMITS)
        record = await uploads.create("a.mkv", len(data), Options())
        record = await uploads.append(record.video_id, 0, all_of(data[: PART_BYTES + 7]))
        assert record.parts_id is not None
        store.abort_parts(record.key, record.parts_id)
        for _ in range(2):
            with pytest.raises(Problem) as raised:
                await uploads.append(record.video_id, record.offset, all_of(data[PART_BYTES + 7 :]))
            assert raised.value.status == 404
        assert list(store.keys("")) == []

    asyncio.run(scenario())
