"""What is heard of a Kafka client that tries again and again."""

import logging

from processors.aggregator.client_logs import Sparing


def record(name: str, line: int) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "client.py", line, "no connection", None, None)


def test_what_the_client_says_again_is_withheld_and_what_others_say_is_not() -> None:
    sparing = Sparing(apart_s=3600)
    assert sparing.filter(record("aiokafka.conn", 1))
    assert not sparing.filter(record("aiokafka.conn", 1))
    assert sparing.filter(record("aiokafka.conn", 2))
    assert all(sparing.filter(record("processors.aggregator", 1)) for _ in range(3))


def test_after_a_while_it_is_said_again() -> None:
    sparing = Sparing(apart_s=0)
    assert all(sparing.filter(record("aiokafka", 1)) for _ in range(3))
