"""What a loop makes of the errors that its consumer reports."""

import logging

from confluent_kafka import KafkaError, Message

log = logging.getLogger("reelay.runtime")

_FATAL = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._FENCED,
        KafkaError._FATAL,
    }
)


class GapError(Exception):
    """Records between the committed offset and what the broker still keeps are gone. Skipping them would
    leave their videos without an outcome, so the process ends."""


class BrokerError(Exception):
    """The broker refuses this process for good."""


def refused_for_good(error: KafkaError) -> bool:
    """Whether librdkafka does not recover from it by itself."""
    return error.fatal() or error.code() in _FATAL


class Faults:
    """What was heard while polling; `check` says in the loop what a callback must not raise."""

    def __init__(self) -> None:
        self._fatal: Exception | None = None

    def hear(self, error: KafkaError) -> None:
        """An error of the client. librdkafka recovers by itself from most."""
        if refused_for_good(error):
            self._fatal = BrokerError(f"{error.name()}: {error.str()}")
        else:
            log.warning("%s: %s", error.name(), error.str())

    def hear_in(self, message: Message) -> None:
        """The error that came in place of a message, other than the end of a partition."""
        error = message.error()
        assert error is not None
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            place = f"{message.topic()}/{message.partition()}"
            gap = f"{place}: records were dropped before they had been read ({error.str()})"
            self._fatal = GapError(gap)
        else:
            self.hear(error)

    def check(self) -> None:
        """Raises BrokerError or GapError: the process must end."""
        if self._fatal is not None:
            raise self._fatal
