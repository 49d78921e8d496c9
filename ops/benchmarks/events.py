"""Events a second through the runtime with a processor that does nothing, against a bare loop.

Both read the same records from the embedded broker and write one event for each. The bare loop neither
decodes nor encodes, has no workers, and commits once a second.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka import Consumer

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import client_config, open_producer
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.benchmarks.figures import Figure, Repeats
from ops.pipeline.processes import Processes
from processors.runtime.contract import Failure, Job, Lane, Stage
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings
from schemas.codec import Codec
from schemas.events import Event, StageFailed, VideoConverted, VideoUploaded
from schemas.topics import VIDEO_CONVERTED, VIDEO_UPLOADED

_EVENTS = 10_000
_TIMES = 3
GROUP = "converter"  # the pipeline's broker has its topics
_WORKERS = 2


class Nothing:
    """A processor that does nothing."""

    def __init__(self, settings: None) -> None:
        pass

    def process(self, event: VideoUploaded, job: Job) -> Iterator[Event]:
        yield VideoConverted(
            video_id=event.video_id, revision=event.revision, segments=0, duration_s=0.0, has_audio=False
        )


def measure(long: bool) -> list[Figure]:
    """Takes about half a minute."""
    bare = Repeats([_rate(_bare_loop) for _ in range(_TIMES)])
    ours = Repeats([_rate(_runtime) for _ in range(_TIMES)])
    return [
        Figure("events a second, bare librdkafka loop", f"{bare:.0f}"),
        Figure(f"events a second, runtime with {_WORKERS} workers and an idle processor", f"{ours:.0f}"),
        Figure("the bare loop against the runtime", f"{bare.median / ours.median:.1f} times"),
    ]


def _rate(program: Callable[[Connections], object]) -> float:
    """Events a second, from the first that comes out to the last."""
    with TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        connections = Connections.only(
            kafka_brokers=processes.start_broker(), store_url=Path(folder).as_uri()
        )
        _fill(connections)
        reading = multiprocessing.get_context("spawn").Process(target=program, args=(connections,))
        reading.start()
        try:
            with BroadcastReader(connections, [VIDEO_CONVERTED.name]) as reader:
                seen, first_at = 0, 0.0
                while seen < _EVENTS:
                    if reader.poll(1.0) is not None:
                        first_at = first_at or time.monotonic()
                        seen += 1
                return _EVENTS / (time.monotonic() - first_at)
        finally:
            reading.kill()
            reading.join()


def _fill(connections: Connections) -> None:
    producer, codec = open_producer(connections, linger_ms=20), Codec(FingerprintRegistry())
    for number in range(_EVENTS):
        event = VideoUploaded(video_id=f"video-{number}", source="file:///nowhere", name="nothing")
        producer.produce(VIDEO_UPLOADED.name, key=event.video_id, value=codec.encode(event))
        producer.poll(0)
    producer.flush()


def _bare_loop(connections: Connections) -> None:
    settings = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(client_config(connections) | settings)
    producer = open_producer(connections)
    consumer.subscribe([VIDEO_UPLOADED.name])
    commit_at = time.monotonic() + 1
    while True:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            producer.produce(VIDEO_CONVERTED.name, key=message.key(), value=message.value())
            producer.poll(0)
        if time.monotonic() >= commit_at:
            producer.flush()
            consumer.commit(asynchronous=False)
            commit_at = time.monotonic() + 1


def _runtime(connections: Connections) -> None:
    settings = RuntimeSettings(
        workers=_WORKERS, http_port=-1, delivery="at-least-once", group_protocol="classic"
    )
    run(idle_stage(), connections.model_copy(update={"log_level": "ERROR"}), settings)


def idle_stage() -> Stage:
    """A stage that makes an event of each, and does nothing else."""
    return Stage(
        name=GROUP,
        lanes=(Lane(VIDEO_UPLOADED),),
        make=Nothing,
        settings=None,
        gave_up=_gave_up,
        probe=_probe,
    )


def _gave_up(event: Any, failure: Failure) -> StageFailed:
    return StageFailed(
        video_id=event.video_id,
        revision=event.revision,
        stage=GROUP,
        index=None,
        start_s=None,
        end_s=None,
        kind=failure.kind,
        reason=failure.reason,
    )


def _probe(settings: None) -> None:
    pass
