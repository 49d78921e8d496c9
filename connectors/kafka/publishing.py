"""Writing single events, by a producer without transactions."""

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.codec import Codec
from schemas.events import Event
from schemas.headers import event_headers
from schemas.topics import topic_of


def publish(
    producer: Producer, event: Event, codec: Codec, *, source: str = "cli", wait_s: float = 30.0
) -> None:
    """Write an event to its topic and wait until the broker has it. source: who says it.

    Raises KafkaException, LookupError if the registry does not have its schema.
    """
    failed: list[KafkaException] = []
    topic = topic_of(event)
    producer.produce(
        topic.name,
        key=topic.key(event).encode(),
        value=codec.encode(event),
        headers=dict(event_headers(event, source=source)),
        on_delivery=lambda error, _: failed.append(KafkaException(error)) if error else None,
    )
    if producer.flush(wait_s):
        raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
    if failed:
        raise failed[0]
