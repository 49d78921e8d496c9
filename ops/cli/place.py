"""Where a command goes: to the cluster that is named, or else to `reelay up` on this machine."""

import os
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import click
from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.errors import DependencyDown
from connectors.kafka.clients import TopicMissing, open_producer, partitions_of
from connectors.kafka.publishing import publish
from connectors.objectstore import FolderStore, ObjectStore, open_store
from connectors.objectstore.wishes import leave_note
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.cli.kafka import cluster
from ops.cli.text import plain
from ops.inflight.members import idle_groups
from ops.pipeline.state import StateFolder, state_folder
from ops.up.lock import is_held
from ops.up.status import read_status
from schemas.codec import Codec
from schemas.events import VideoCancelRequested, VideoDeleted, VideoUploaded
from schemas.topics import AGGREGATOR, RETRYING, topic_of

NOT_RUNNING = "reelay up is not running: it sees to this when it is started."
_TIMEOUT_MS = 10_000
_TO_AN_OUTCOME = (*RETRYING, AGGREGATOR)
"""The consumer groups without which no video comes to an outcome."""
_NO_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})

Asked = VideoUploaded | VideoCancelRequested | VideoDeleted


class Place(Protocol):
    """A pipeline with its store. What is asked of it is written into the store first, and then
    announced, so that a crash between the two leaves a wish that the same command announces again."""

    @property
    def store(self) -> ObjectStore: ...

    def reach(self) -> None:
        """Make sure that something could be announced, before anything is written. Raises
        ClickException, DependencyDown."""

    def announce(self, event: Asked) -> None:
        """Have the pipeline see what the store has. Raises ClickException, DependencyDown,
        KafkaException."""

    def notice(self) -> str | None:
        """What to tell a user whose wish nobody sees to at the moment."""

    def obstacle(self) -> str | None:
        """What keeps a running pipeline from its work, as far as can be seen from here; looking takes
        seconds at most."""

    @property
    def status_command(self) -> str:
        """By which a user sees more."""

    @property
    def folder(self) -> Path | None:
        """The folder that the store is, if it is one."""

    def locate(self, key: str) -> str:
        """Where a user finds the object of that key."""


class ThisMachine:
    """`reelay up` of this state folder, whether it runs or not."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.store = FolderStore(state.store)

    def reach(self) -> None:
        """A note can always be left."""

    def announce(self, event: Asked) -> None:
        leave_note(self.store, event.video_id)

    def notice(self) -> str | None:
        return None if is_held(self.state.lock) else NOT_RUNNING

    def obstacle(self) -> str | None:
        status = read_status(self.state)
        return None if status is None else status.trouble

    @property
    def status_command(self) -> str:
        return "reelay status"

    @property
    def folder(self) -> Path:
        return self.state.store

    def locate(self, key: str) -> str:
        return plain(self.folder / key)


class Cluster:
    """A Kafka cluster with its store. Reaches the broker when it is first needed."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections

    @cached_property
    def store(self) -> ObjectStore:
        """Raises ClickException if nobody said where it is."""
        if not self.connections.store_url:
            raise click.ClickException(
                "REELAY_STORE_URL is not set; it names the cluster's object store, "
                "s3://bucket or file:///folder"
            )
        try:
            return open_store(self.connections)
        except ValueError as error:
            raise click.ClickException(str(error)) from error

    @cached_property
    def codec(self) -> Codec:
        return Codec(open_registry(self.connections))

    @cached_property
    def _producer(self) -> Producer:
        return open_producer(self.connections, message_timeout_ms=_TIMEOUT_MS)

    def reach(self) -> None:
        try:
            partitions_of(self._producer, topic_of(VideoUploaded(video_id="", source="")).name)
        except TopicMissing as error:
            raise click.ClickException(f"{error}: run reelay topics apply") from error

    def announce(self, event: Asked) -> None:
        try:
            publish(self._producer, event, self.codec)
        except LookupError as error:  # the registry's, in words
            raise click.ClickException(str(error)) from error
        except KafkaException as error:
            if error.args[0].code() in _NO_TOPIC:
                name = topic_of(event).name
                raise click.ClickException(f"no topic {name}: run reelay topics apply") from error
            raise

    def notice(self) -> str | None:
        return None

    def obstacle(self) -> str | None:
        try:
            idle = idle_groups(self.connections, _TO_AN_OUTCOME)
        except DependencyDown as error:
            return f"{error.dependency} is down: {error.reason}"
        except KafkaException:  # not everybody may ask for groups
            return None
        return f"nobody works as {' or '.join(idle)}" if idle else None

    @property
    def status_command(self) -> str:
        return f"reelay status --brokers {self.connections.kafka_brokers}"

    @property
    def folder(self) -> Path | None:
        url = urlsplit(self.connections.store_url)
        return Path(unquote(url.path)) if url.scheme == "file" else None

    def locate(self, key: str) -> str:
        if self.folder is not None:
            return plain(self.folder / key)
        return f"{self.connections.store_url.rstrip('/')}/{key}"


def find_place(brokers: str | None, registry: str) -> ThisMachine | Cluster:
    """The cluster if its brokers are named, by option or environment; else this machine."""
    return Cluster(cluster(brokers, registry)) if brokers else ThisMachine(state_folder(os.environ))
