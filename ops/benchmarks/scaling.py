"""How much more is done by more instances of a processor, and whether those at work notice new ones.

Instances of a processor whose work is to wait take records of twelve partitions, exactly once, on a real
Kafka. They are added one after the other; at some numbers of them, what they do is counted for a while.
Records are spread evenly and there are more than are done, so nobody waits for work. Each event says
which instance made it, and when.
"""

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.kafka.admin import apply_topics
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import open_producer
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.benchmarks.events import idle_stage
from ops.benchmarks.figures import Figure, below
from ops.cluster.cluster import Cluster
from ops.cluster.errors import ToolMissing
from processors.runtime.contract import Job, Stage
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings
from schemas.codec import Codec
from schemas.events import Event, VideoConverted, VideoUploaded
from schemas.topics import DEFAULT_PARTITIONS, VIDEO_CONVERTED, VIDEO_UPLOADED

_SIZES = (1, 2, 4, 12)
_WAIT_S = 0.25
"""Long enough for twelve instances, a broker and this program to have room on two cores."""
_COUNTED_S = 15.0
_SETTLE_S = 3.0
"""After a new instance's first event: the others hear at their next heartbeats what to give up."""
_RECORDS = 400
"""In each partition: more than are done."""
_WITHIN_S = 120.0
_AIM = 0.95
_MAX_GAP_S = 2.0
_NAME = f"events a second, one instance of a processor that waits {_WAIT_S:g} s"


@dataclass(frozen=True, slots=True)
class _Instance:
    """Waits, and says who waited."""

    number: int

    def process(self, event: VideoUploaded, job: Job) -> Iterator[Event]:
        time.sleep(_WAIT_S)
        yield VideoConverted(
            video_id=event.video_id,
            revision=event.revision,
            segments=self.number,
            duration_s=0.0,
            has_audio=False,
        )


@dataclass(slots=True)
class _Watch:
    """Follows what instances emit: when each of them emitted, in seconds of Unix time."""

    reader: BroadcastReader
    emitted_s: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def until(self, reached: Callable[[], bool]) -> None:
        """Follow until then. Raises RuntimeError if it takes too long."""
        deadline = time.monotonic() + _WITHIN_S
        codec = Codec(FingerprintRegistry())
        while not reached():
            if time.monotonic() > deadline:
                raise RuntimeError("an instance does nothing")
            if (record := self.reader.poll(0.1)) is not None:
                event = codec.decode(record.value, VIDEO_CONVERTED)
                assert isinstance(event, VideoConverted)
                self.emitted_s[event.segments].append(record.timestamp_ms / 1000)

    def follow(self, during_s: float) -> None:
        """Follow for so long."""
        until = time.monotonic() + during_s
        self.until(lambda: time.monotonic() >= until)

    def rate(self, since_s: float) -> float:
        """Events a second of all instances since then. Each is counted from its first event to its last,
        since so few would be miscounted by the ends of the time."""
        rate = 0.0
        for moments in self.emitted_s.values():
            counted = [moment for moment in moments if moment >= since_s]
            if len(counted) > 1:  # otherwise it got no work
                rate += (len(counted) - 1) / (counted[-1] - counted[0])
        return rate

    def longest_gap_s(self) -> float:
        """The longest time between two events of one instance."""
        return max(
            later - earlier
            for moments in self.emitted_s.values()
            for earlier, later in pairwise(moments)
        )


def measure(long: bool) -> list[Figure]:
    """Takes about two minutes."""
    try:
        with TemporaryDirectory() as folder, Cluster(Path(folder)) as cluster:
            connections = cluster.connections(registry_url="")
            apply_topics(connections)
            _fill(connections)
            return _measured(connections)
    except ToolMissing as error:
        return [Figure(_NAME, f"not measured: {error}")]


def _measured(connections: Connections) -> list[Figure]:
    rates: dict[int, float] = {}
    with ExitStack() as running, BroadcastReader(connections, [VIDEO_CONVERTED.name]) as reader:
        watch = _Watch(reader)
        for number in range(1, max(_SIZES) + 1):
            running.enter_context(_instance(connections, number))
            watch.until(lambda n=number: n in watch.emitted_s)  # type: ignore[misc]
            if number in _SIZES:
                watch.follow(_SETTLE_S)
                since_s = time.time()
                watch.follow(_COUNTED_S)
                rates[number] = watch.rate(since_s)
    return [
        Figure(_NAME, f"{rates[1]:.2f}"),
        *(
            Figure(
                f"{size} instances against {size} times one",
                f"{(ratio := rates[size] / (size * rates[1])):.3f}",
                f"at least {_AIM:g}",
                ratio >= _AIM,
            )
            for size in _SIZES[1:]
        ),
        below(
            "the longest time between two events of any instance, while others were added",
            watch.longest_gap_s(),
            _MAX_GAP_S,
            "s",
            ".2f",
        ),
    ]


@contextmanager
def _instance(connections: Connections, number: int) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(connections, number), name=f"instance-{number}"
    )
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _run(connections: Connections, number: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # its log, which it writes all the same
    idle = idle_stage()
    stage = Stage(idle.name, idle.lanes, partial(_made, number), None, idle.gave_up, idle.probe)
    run(stage, connections, RuntimeSettings(workers=1, http_port=-1))


def _made(number: int, settings: None) -> _Instance:
    return _Instance(number)


def _fill(connections: Connections) -> None:
    producer, codec = open_producer(connections, linger_ms=20), Codec(FingerprintRegistry())
    for number in range(_RECORDS):
        for partition in range(DEFAULT_PARTITIONS):
            video = f"video-{partition}-{number}"
            event = VideoUploaded(video_id=video, source="file:///nowhere", name="nothing")
            producer.produce(
                VIDEO_UPLOADED.name, key=video, value=codec.encode(event), partition=partition
            )
            producer.poll(0)
    producer.flush()
