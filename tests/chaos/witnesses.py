"""Bystanders who look at everything that can be seen while processes are killed."""

import hashlib
import io
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import soundfile
from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.kafka.broadcast import BroadcastReader
from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.pipeline.state import StateFolder
from ops.up.status import read_status
from schemas.codec import Codec, UndecodableError
from schemas.events import ArtefactRef, SegmentEnriched, VideoCompleted
from schemas.outcomes import Outcome, load_outcome
from schemas.topics import OUTCOMES, SEGMENT_ENRICHED, topic_named
from tests.chaos.oracle import TIMES, Revision

_PAUSE_S = 0.1
_POLL_S = 0.2

CODEC = Codec(FingerprintRegistry())


@dataclass(slots=True)
class StoreWitness:
    """Reads every object as soon as it can be read: it must be whole, what it names must be there, and
    it must never change, but for a timeline whose outcome is not decided.

    faults: what was wrong. outcomes: each different one that was read.
    """

    root: Path
    store: ObjectStore
    faults: list[str] = field(default_factory=list)
    outcomes: dict[Revision, set[Outcome]] = field(default_factory=lambda: defaultdict(set))
    enriched: dict[Revision, set[int]] = field(default_factory=lambda: defaultdict(set))
    reads: int = 0
    _seen: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Read what is new or was written again."""
        for prefix in ("media/", "results/"):
            for key in self.store.keys(prefix):
                facts = (self.root / key).stat()
                written = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
                if self._seen.get(key) != written:
                    self._seen[key] = written
                    self._read(key, self.store.get(key))

    def _read(self, key: str, data: bytes) -> None:
        self.reads += 1
        digest = hashlib.sha256(data).hexdigest()
        if self._digests.setdefault(key, digest) != digest and not key.endswith(f"/{TIMES}"):
            self.faults.append(f"{key} was changed")
        try:
            refs = self._refs_in(key, data)
        except (ValueError, UndecodableError, soundfile.SoundFileError) as error:
            self.faults.append(f"{key} is not whole: {error}")
            return
        for ref in refs:
            try:
                there = hashlib.sha256(self.store.get(ref.key)).hexdigest()
            except ObjectMissing:
                there = "nothing"
            if there != ref.sha256:
                self.faults.append(f"{key} names {ref}, there is {there}")

    def _refs_in(self, key: str, data: bytes) -> tuple[ArtefactRef, ...]:
        """The objects that this one names. Raises one of several errors if it is not whole."""
        match PurePosixPath(key):
            case PurePosixPath(name="outcome.json"):
                outcome = load_outcome(data)
                self.outcomes[outcome.video_id, outcome.revision].add(outcome)
                return outcome.files if isinstance(outcome, VideoCompleted) else ()
            case PurePosixPath(suffix=".json"):
                json.loads(data)
            case PurePosixPath(suffix=".avro"):
                event = CODEC.decode(data, SEGMENT_ENRICHED)
                assert isinstance(event, SegmentEnriched)
                self.enriched[event.video_id, event.revision].add(event.index)
                return (event.artefact,)
            case PurePosixPath(suffix=".flac"):
                with soundfile.SoundFile(io.BytesIO(data)) as sound:
                    if len(sound.read()) != sound.frames:
                        raise ValueError("sound is missing")
            case _:
                if not data.decode().endswith("\n"):
                    raise ValueError("its last line does not end")
        return ()


@dataclass(slots=True)
class TopicWitness:
    """Reads the outcomes that are announced, on one broker after another.

    outcomes: each different one that was read.
    """

    state: StateFolder
    outcomes: dict[Revision, set[Outcome]] = field(default_factory=lambda: defaultdict(set))
    reads: int = 0
    _brokers: str = ""
    _reader: BroadcastReader | None = None

    def look(self) -> None:
        """Read what is new; a broker that is gone has nothing to say."""
        status = read_status(self.state)
        with suppress(DependencyDown, KafkaException, LookupError):
            if status is not None and status.brokers is not None and status.brokers != self._brokers:
                self.close()
                self._reader = _reader(status.brokers, self.state)
                self._brokers = status.brokers
            while self._reader is not None and (record := self._reader.poll(_POLL_S)) is not None:
                event = CODEC.decode(record.value, topic_named(record.topic))
                assert isinstance(event, Outcome)
                self.reads += 1
                self.outcomes[event.video_id, event.revision].add(event)

    def close(self) -> None:
        """Leave the broker."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


@contextmanager
def looking(*looks: Callable[[], None]) -> Iterator[None]:
    """Each of these is called again and again, in a thread of its own, and once more at the end. Raises
    what they raised."""
    stop = threading.Event()
    errors: list[Exception] = []

    def go_on(look: Callable[[], None]) -> None:
        try:
            while not stop.wait(_PAUSE_S):
                look()
            look()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=go_on, args=(look,)) for look in looks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _reader(brokers: str, state: StateFolder) -> BroadcastReader:
    connections = Connections.only(
        kafka_brokers=brokers,
        registry_url="",
        store_url=state.store_url,
        local_roots="",
        log_level="INFO",
    )
    return BroadcastReader(connections, (topic.name for topic in OUTCOMES))
