"""Reads the live topics in a thread of its own."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.gateway.live.messages import Entry, entry_of
from connectors.gateway.live.positions import FOLLOWED, Positions
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import TopicMissing
from connectors.kafka.records import Partition
from connectors.registry import open_registry
from connectors.settings import Connections
from schemas.codec import Codec, UndecodableError
from schemas.topics import topic_named

log = logging.getLogger("reelay.gateway")

_POLL_S = 0.2
_AGAIN_S = 2.0
_AT_ONCE = 200


class Listener(Protocol):
    """Who is told, in the reader's thread; must not block."""

    def began(self, positions: Positions) -> None:
        """From here on everything is told; what was told before may not go on here."""

    def told(self, entries: list[Entry], positions: Mapping[Partition, int]) -> None:
        """Those have come. positions: how far the topics were read."""


class Reader:
    """Reads until closed, from what is the end when it begins; begins again when the broker was lost for
    good."""

    def __init__(self, connections: Connections, listener: Listener) -> None:
        self._connections = connections
        self._listener = listener
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns when the thread has ended."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with BroadcastReader(
                    self._connections, [topic.name for topic in FOLLOWED], start="end"
                ) as reader:
                    self._follow(reader)
            except (DependencyDown, TopicMissing, KafkaException) as error:
                log.warning("live events are read again in %s s: %s", _AGAIN_S, error)
            except Exception:
                # A mistake of ours, at one record: a thread that ended would show only by silence.
                log.exception("live events are read again in %s s", _AGAIN_S)
            self._closing.wait(_AGAIN_S)

    def _follow(self, reader: BroadcastReader) -> None:
        codec = Codec(open_registry(self._connections))
        cluster_id = reader.cluster_id()
        while not (reader.caught_up or self._closing.is_set()):
            reader.poll(_POLL_S)  # whoever listens then begins with how everything is
        self._listener.began(Positions(cluster_id, dict(reader.positions)))
        while not self._closing.is_set():
            entries = list(_read(reader, codec))
            if entries:
                self._listener.told(entries, dict(reader.positions))


def _read(reader: BroadcastReader, codec: Codec) -> Iterator[Entry]:
    """What has come by now, after a short wait if that is nothing. What nobody can read is left out: who
    works on it says so."""
    record = reader.poll(_POLL_S)
    for _ in range(_AT_ONCE):
        if record is None:
            return
        with suppress(UndecodableError):
            yield entry_of(record, codec.decode(record.value, topic_named(record.topic)))
        record = reader.poll(0)
