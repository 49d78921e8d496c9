"""How outputs and input progress are made to last, behind one small interface.

At least once, in this order: write the outputs, wait until the broker has them all, commit the offsets.
A crash in between repeats outputs (with the same event ids) and loses none. Exactly once
(`transactions.py`): the same outputs and offsets in one transaction.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.kafka.records import Outgoing

_OnDelivery = Callable[[KafkaError | None, Message], None]


class DeliveryError(Exception):
    """The broker did not take the outputs. Nothing of the batch may be taken for committed; the process
    must end and continue from what is committed."""


class OffsetsRefusedError(Exception):
    """The outputs are out, but the input progress was not stored, most likely since the partitions
    moved: commit it again, or let their new owner do the work again."""


class BatchAbortedError(Exception):
    """Neither an output nor an offset of the batch is out. What is still this process's of it may be
    tried again: a commit says all that is to be said, so nothing else is needed."""


class Delivery(Protocol):
    """Makes batches last, each one after the one before.

    interval_s: what comes within so short a time should be one batch, as each has its price. certain:
    offsets are stored when `commit` returns; otherwise that is known later, or never.
    """

    interval_s: float
    certain: bool

    def commit(
        self, outputs: Sequence[Outgoing], offsets: Sequence[TopicPartition], *, last: bool
    ) -> None:
        """Make the outputs and the input progress last.

        offsets: with their metadata, which is stored beside them. last: the partitions are about to be
        given up, so there is no later batch: return only when the offsets are stored. Blocks until the
        broker has the outputs, at most the delivery time-out. Raises DeliveryError, OffsetsRefusedError,
        BatchAbortedError.
        """


class AtLeastOnce:
    """Produce, flush, then commit; see the module."""

    interval_s = 0.0
    certain = False

    def __init__(self, consumer: Consumer, producer: Producer, *, timeout_s: float) -> None:
        self._consumer = consumer
        self._producer = producer
        self._timeout_s = timeout_s

    def commit(
        self, outputs: Sequence[Outgoing], offsets: Sequence[TopicPartition], *, last: bool
    ) -> None:
        if outputs:
            self._write(outputs)
        if offsets:
            self._store(list(offsets), last)

    def _write(self, outputs: Sequence[Outgoing]) -> None:
        deadline = time.monotonic() + self._timeout_s
        refused: list[str] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                refused.append(f"{message.topic()}: {error.str()}")

        for output in outputs:
            self._produce(output, on_delivery, deadline)
        left = self._producer.flush(max(0.0, deadline - time.monotonic()))
        if refused:
            raise DeliveryError(f"the broker refused an event for {refused[0]}")
        if left:
            raise DeliveryError(f"the broker did not take {left} events within {self._timeout_s:g} s")

    def _produce(self, output: Outgoing, on_delivery: _OnDelivery, deadline: float) -> None:
        while True:
            try:
                self._producer.produce(
                    output.topic,
                    value=output.value,
                    key=output.key,
                    headers=list(output.headers),
                    on_delivery=on_delivery,
                )
            except BufferError as error:  # librdkafka's queue is full; it empties while it is polled
                self._producer.poll(0.1)
                if time.monotonic() > deadline:
                    raise DeliveryError("the broker does not take events") from error
            except KafkaException as error:
                raise DeliveryError(f"{output.topic}: {error.args[0].str()}") from error
            else:
                return

    def _store(self, offsets: list[TopicPartition], last: bool) -> None:
        # always with explicit offsets: without, stored metadata is lost (confluentinc/librdkafka#4570)
        try:
            if not last:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                return
            stored = self._consumer.commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as error:
            raise OffsetsRefusedError(error.args[0].str()) from error
        for place in stored:
            if place.error is not None:
                raise OffsetsRefusedError(f"{place.topic}/{place.partition}: {place.error.str()}")
