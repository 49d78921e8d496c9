"""What is asked of Kafka's administration protocol, with waits that end and errors in our words."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from connectors.errors import DependencyDown
from connectors.kafka.access import reach
from connectors.kafka.clients import client_config, kafka_log
from connectors.kafka.layout import TopicSetup
from connectors.settings import Connections

_TIMEOUT_S = 30.0
_REACH_S = 5.0
_POLL_S = 0.1
_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


_WITHOUT_LEADER = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
"""What is answered for a partition whose leader is new, or not chosen yet."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic that the cluster has. replication: of the partition that has the fewest replicas."""

    partitions: int
    replication: int
    config: Mapping[str, str]


class Administration:
    """A client for one purpose after another. Raises DependencyDown where the cluster does not answer,
    KafkaException where it refuses."""

    def __init__(self, connections: Connections) -> None:
        reach(connections, timeout_s=_REACH_S)  # so that a refusal is told in one line
        self._client = AdminClient(client_config(connections), logger=kafka_log)

    def brokers(self) -> int:
        return len(self._metadata().brokers)

    def topics(self, setups: Sequence[TopicSetup]) -> dict[str, FoundTopic]:
        """Those of the topics that are there."""
        there = self._metadata().topics
        names = [setup.name for setup in setups if setup.name in there]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        described = self._client.describe_configs(resources) if resources else {}
        configs = {resource.name: self._result(answer) for resource, answer in described.items()}
        return {
            name: FoundTopic(
                len(there[name].partitions),
                min(len(part.replicas) for part in there[name].partitions.values()),
                {entry.name: entry.value for entry in configs[name].values() if entry.value is not None},
            )
            for name in names
        }

    def create(self, setups: Sequence[TopicSetup], brokers: int) -> None:
        new = [
            NewTopic(
                setup.name,
                num_partitions=setup.partitions,
                replication_factor=setup.replicas(brokers),
                config=setup.full_config(setup.replicas(brokers)),
            )
            for setup in setups
        ]
        for answer in self._client.create_topics(new).values() if new else ():
            try:
                self._result(answer)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # two may apply at once
                    raise

    def grow(self, partitions: Mapping[str, int]) -> None:
        new = [NewPartitions(name, count) for name, count in partitions.items()]
        for answer in self._client.create_partitions(new).values() if new else ():
            self._result(answer)

    def alter(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        resources = [
            ConfigResource(ResourceType.TOPIC, name, incremental_configs=_assignments(config))
            for name, config in configs.items()
            if config
        ]
        for answer in self._client.incremental_alter_configs(resources).values() if resources else ():
            self._result(answer)

    def await_partitions(self, partitions: Mapping[str, int]) -> None:
        """Wait until clients can use them: brokers learn of new topics a moment after the controller has
        said that they are there."""
        deadline = time.monotonic() + _TIMEOUT_S
        while partitions:
            there = self._metadata().topics
            if all(name in there and len(there[name].partitions) >= n for name, n in partitions.items()):
                break
            _pause(deadline)
        self.records(partitions)

    def records(self, partitions: Mapping[str, int]) -> dict[str, int]:
        """By topic, how many offsets are kept; waits until all partitions are led."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                return self._records(partitions)
            except KafkaException as error:
                if error.args[0].code() not in _WITHOUT_LEADER:
                    raise
            _pause(deadline)

    def _records(self, partitions: Mapping[str, int]) -> dict[str, int]:
        places = [
            TopicPartition(name, number) for name, count in partitions.items() for number in range(count)
        ]
        records = dict.fromkeys(partitions, 0)
        for spec, sign in ((_LATEST, 1), (_EARLIEST, -1)):
            asked = self._client.list_offsets(dict.fromkeys(places, spec)) if places else {}
            for place, answer in asked.items():
                records[place.topic] += sign * self._result(answer).offset
        return records

    def _metadata(self) -> Any:
        try:
            return self._client.list_topics(timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise DependencyDown("broker", error.args[0].str()) from error

    def _result(self, answer: "Future[Any]") -> Any:
        try:
            return answer.result(_TIMEOUT_S)
        except TimeoutError as error:
            raise DependencyDown("broker", "no answer") from error


def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DependencyDown("broker", "partitions have no leaders")
    time.sleep(_POLL_S)


def _assignments(config: Mapping[str, str]) -> list[ConfigEntry]:
    return [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
