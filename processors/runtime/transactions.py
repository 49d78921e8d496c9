"""Exactly once: outputs and input progress in one Kafka transaction.

A transaction is opened when results are ready, never during the work, so it is open for milliseconds.
The offsets go in with the consumer's group metadata of that moment, and the group's coordinator takes
them only from a current member (KIP-447). That is the fence: a process that was stopped past its session
cannot commit, whatever it believes. So the `transactional.id` fences nobody and is random.

What goes wrong is told apart as librdkafka tells it: a call that may be repeated is repeated, within a
deadline; a transaction that must be aborted is aborted, and the caller may try again with what is still
its own; all else, and a commit of which it stays unknown whether it happened, ends the process.

The calls of a transaction are made in a thread of their own, which is given up when they take too long:
with a broker that goes away in the middle, librdkafka 2.16 was seen never to come back from
`send_offsets_to_transaction`, whatever time-out it was given (confluentinc/librdkafka#5456).

Nor does it once the group's coordinator was missing from the cluster's metadata for a moment, as a
broker that restarts is: the producer goes on waiting for the one that it took for gone (#5511). So a
producer that heard of an error of any connection is replaced before its next transaction.
"""

import math
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from connectors.kafka.clients import open_producer
from connectors.kafka.records import Outgoing
from connectors.settings import Connections
from processors.runtime.delivery import BatchAbortedError, DeliveryError

_START_S = 30.0
_AGAIN_WITHIN_S = 5.0
"""How long a producer that replaces another may take to be ready."""
_ABORT_S = 5.0
_HANGS_S = 5.0
"""How long beyond its deadlines a transaction may take before librdkafka counts as hanging."""
_LAST_CHANCE_S = 3.0
_AGAIN_S = 0.1


OnError = Callable[[KafkaError], None]


def open_transactional_producer(
    connections: Connections,
    name: str,
    *,
    transaction_timeout_s: float,
    within_s: float = _START_S,
    on_error: OnError | None = None,
) -> Producer:
    """A producer that can begin transactions at once. name: the beginning of its transactional id.
    transaction_timeout_s: after which the broker aborts a transaction that is left open. within_s: how
    long the broker may take. on_error: as `open_producer` has it.

    Raises DeliveryError if the broker does not let it.
    """
    producer = open_producer(
        connections,
        on_error=on_error,
        transactional_id=f"{name}-{uuid.uuid4().hex}",
        transaction_timeout_ms=round(transaction_timeout_s * 1000),
        delivery_timeout_ms=round(transaction_timeout_s * 1000),
        # Full requests: a commit ends the lingering at once.
        linger_ms=5,
        # The coordinator refuses a transaction while the one before is still being marked in the logs,
        # which takes it a few milliseconds; by default, a refusal costs 100 ms.
        retry_backoff_ms=10,
    )
    try:
        _insist(producer.init_transactions, time.monotonic() + within_s)
    except KafkaException as error:
        raise DeliveryError(f"the broker begins no transactions: {_said(error)}") from error
    return producer


class Transactions:
    """Delivers each batch in a transaction; see the module."""

    # A transaction takes about as long. While one is under way the workers go on, so a longer time would
    # save nothing here, and events would be seen later.
    interval_s = 0.02
    certain = True

    def __init__(
        self,
        consumer: Consumer,
        open_producer: Callable[[float, OnError], Producer],
        *,
        transaction_timeout_s: float,
        timeout_s: float,
    ) -> None:
        """open_producer: within so many seconds, as `open_transactional_producer`.
        transaction_timeout_s: the producer's, so one batch may take as long. timeout_s: how long batch
        after batch may be aborted. Raises DeliveryError if there is no producer."""
        self._consumer = consumer
        self._open_producer = open_producer
        self._lost = False
        self._producer = open_producer(_START_S, self._on_error)
        self._transaction_timeout_s = transaction_timeout_s
        self._timeout_s = timeout_s
        self._within_s = _AGAIN_WITHIN_S + transaction_timeout_s + _ABORT_S + _HANGS_S
        self._failing_since = self._failed_at = -math.inf

    def commit(
        self, outputs: Sequence[Outgoing], offsets: Sequence[TopicPartition], *, last: bool
    ) -> None:
        """As `Delivery.commit`. last: an aborted batch is tried again for some seconds."""
        until = time.monotonic() + _LAST_CHANCE_S
        while True:
            try:
                self._commit(outputs, offsets)
            except BatchAbortedError as error:
                self._note_failure(error)
                if not last or time.monotonic() >= until:
                    raise
                time.sleep(_AGAIN_S)
            else:
                self._failed_at = -math.inf
                return

    def _commit(self, outputs: Sequence[Outgoing], offsets: Sequence[TopicPartition]) -> None:
        # A member that was thrown out has no name until it joins again, and that is not before the poll
        # loop was told of its loss. Without a name the coordinator would not check the membership.
        membership = self._consumer.consumer_group_metadata()
        if not self._consumer.memberid():
            raise BatchAbortedError("not a member of the group now")
        _in_thread(lambda: self._transact(outputs, list(offsets), membership), self._within_s)

    def _transact(
        self, outputs: Sequence[Outgoing], offsets: list[TopicPartition], membership: object
    ) -> None:
        self._renew_producer()
        deadline = time.monotonic() + self._transaction_timeout_s
        try:
            # 1. from here on all is in one transaction
            self._producer.begin_transaction()
            # 2. the outputs
            for output in outputs:
                self._produce(output, deadline)
            # 3. the progress, which a former member's coordinator refuses
            if offsets:
                _insist(
                    lambda s: self._producer.send_offsets_to_transaction(offsets, membership, s),
                    deadline,
                )
            # 4. both become visible, or neither
            _insist(self._producer.commit_transaction, deadline)
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise DeliveryError(f"the transaction failed for good: {_said(error)}") from error
            self._abort()
            raise BatchAbortedError(_said(error)) from error

    def _renew_producer(self) -> None:
        """Replace the producer if it lost a connection. Raises BatchAbortedError if that cannot be."""
        self._producer.poll(0)  # has it say what happened since
        if not self._lost:
            return
        try:
            self._producer = self._open_producer(_AGAIN_WITHIN_S, self._on_error)
        except DeliveryError as error:
            raise BatchAbortedError(str(error)) from error
        self._lost = False

    def _on_error(self, error: KafkaError) -> None:
        self._lost |= not error.fatal()  # what is fatal, the next transaction says, and ends the process

    def _produce(self, output: Outgoing, deadline: float) -> None:
        while True:
            try:
                self._producer.produce(
                    output.topic, value=output.value, key=output.key, headers=list(output.headers)
                )
            except BufferError as error:  # librdkafka's queue is full; it empties while it is polled
                self._producer.poll(_AGAIN_S)
                if time.monotonic() > deadline:
                    raise DeliveryError("the broker does not take events") from error
            else:
                return

    def _abort(self) -> None:
        try:
            _insist(self._producer.abort_transaction, time.monotonic() + _ABORT_S)
        except KafkaException as error:
            raise DeliveryError(f"a transaction could not be aborted: {_said(error)}") from error

    def _note_failure(self, error: BatchAbortedError) -> None:
        now = time.monotonic()
        # what failed before a time without work says nothing of now
        since_s, self._failed_at = now - self._failed_at, now
        if since_s > self._within_s:
            self._failing_since = now
        elif now - self._failing_since > self._timeout_s:
            raise DeliveryError(f"nothing was committed for {self._timeout_s:g} s: {error}") from error


def _in_thread(work: Callable[[], None], within_s: float) -> None:
    """Do the work, which raises what it raises, in another thread. Raises DeliveryError if it takes too
    long; the thread stays behind, and the process must end."""
    outcome: SimpleQueue[Exception | None] = SimpleQueue()

    def do() -> None:
        try:
            work()
        except Exception as error:  # raised by the thread that waits
            outcome.put(error)
        else:
            outcome.put(None)

    threading.Thread(target=do, name="transaction", daemon=True).start()
    try:
        error = outcome.get(timeout=within_s)
    except Empty:
        raise DeliveryError(f"a transaction took more than {within_s:g} s") from None
    if error is not None:
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, and so a producer that could not be opened


def _insist(call: Callable[[float], object], deadline: float) -> None:
    """Make a call, again and again while the error says so and there is time. Raises KafkaException."""
    while True:
        try:
            call(max(_AGAIN_S, deadline - time.monotonic()))
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() >= deadline:
                raise
        else:
            return


def _said(error: KafkaException) -> str:
    return f"{error.args[0].name()}: {error.args[0].str()}"
