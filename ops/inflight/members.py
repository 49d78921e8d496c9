"""Who works in the consumer groups."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from connectors.errors import DependencyDown
from connectors.kafka.access import reach
from connectors.kafka.clients import client_config, kafka_log
from connectors.settings import Connections

ANSWER_S = 10.0
"""How long a cluster may take to answer."""
_POLL_S = 0.5
_COORDINATOR_MOVES = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,  # also for a moment after the first group has been asked for
    }
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group. partitions: how many are assigned to it."""

    client_id: str
    host: str
    partitions: int


def idle_groups(connections: Connections, groups: Iterable[str]) -> tuple[str, ...]:
    """Those of the groups in which nobody works. Blocks for a moment.

    Raises DependencyDown if the cluster does not answer, KafkaException if it refuses.
    """
    reach(connections)
    admin = AdminClient(client_config(connections), logger=kafka_log)
    asked = list(groups)

    def ask() -> tuple[str, ...]:
        described = admin.describe_consumer_groups(asked, request_timeout=ANSWER_S)
        return tuple(group for group in asked if not members_of(described[group])[0])

    return when_settled(ask)


def when_settled(ask: Callable[[], T]) -> T:
    """What `ask` gives, asked again while the coordinators of groups move."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _COORDINATOR_MOVES or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_S)


def members_of(described: "Future[Any]") -> tuple[tuple[Member, ...], str]:
    """A group's members and its state: Kafka's word, lower case ("stable", "empty", "dead": never seen).

    described: what `AdminClient.describe_consumer_groups` gives for it. Raises as `result`.
    """
    try:
        found = result(described)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
        return (), "dead"
    members = [
        Member(member.client_id, member.host.lstrip("/"), len(member.assignment.topic_partitions))
        for member in found.members
    ]
    return tuple(sorted(members, key=lambda m: (m.host, m.client_id))), found.state.name.lower()


def result(future: "Future[T]") -> T:
    """The answer. Raises KafkaException, DependencyDown if there is none."""
    try:
        return future.result(timeout=2 * ANSWER_S)
    except TimeoutError as error:
        raise DependencyDown("broker", "no answer") from error
