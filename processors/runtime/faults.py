"""What a loop makes of the errors that its consumer reports."""

import logging

from confluent_kafka import KafkaError, Message

from processors.runtime.loop import BrokerError, GapError, refused_for_good

log = logging.getLogger("reelay.runtime")


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
