"""Whether the broker lets us in, asked once at start, so that a refusal is told in one line.

librdkafka itself takes every refusal for a fault that may pass, connects again and again, and what a
caller sees is that nothing answers.
"""

import re
import time

from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.errors import DependencyDown
from connectors.kafka.clients import client_config, kafka_log
from connectors.settings import Connections

_ASK_S = 1.0


class BrokerRefuses(DependencyDown):
    """Waiting does not help: a setting or a certificate is wrong."""


def reach(connections: Connections, *, timeout_s: float = 10.0) -> None:
    """Return when the broker has answered. Raises BrokerRefuses, or DependencyDown when it does not
    answer in time."""
    refused: list[KafkaError] = []
    others: list[KafkaError] = []

    def on_error(error: KafkaError) -> None:
        (refused if error.code() in _REFUSALS else others).append(error)

    config = client_config(connections) | {"error_cb": on_error, "log_level": 0}
    try:
        client = Producer(config, logger=kafka_log)
    except KafkaException as error:  # such as a file of authorities that cannot be read
        raise BrokerRefuses("broker", _plain(error.args[0])) from error
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            client.list_topics(timeout=max(0.01, min(_ASK_S, deadline - time.monotonic())))
        except KafkaException as error:
            client.poll(0)  # serves the callback
            if refused:
                raise BrokerRefuses("broker", _refusal(refused[0], connections)) from error
            if time.monotonic() >= deadline:
                told = [one for one in others if one.code() != KafkaError._ALL_BROKERS_DOWN]
                raise DependencyDown("broker", _plain(told[0] if told else error.args[0])) from error
        else:
            return


_REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


def _refusal(error: KafkaError, connections: Connections) -> str:
    if error.code() == KafkaError._SSL:
        hint = "see REELAY_TLS_CA" if connections.kafka_tls else "see REELAY_KAFKA_TLS"
    else:
        hint = "see REELAY_KAFKA_USERNAME, REELAY_KAFKA_PASSWORD and REELAY_KAFKA_SASL_MECHANISM"
    return f"{_plain(error)}; {hint}"


def _plain(error: KafkaError) -> str:
    """The error without librdkafka's note on its own state."""
    return re.sub(r" \(after \d+ms in state \w+\)", "", error.str())
