"""Records as they are read from a broker."""

import shutil
import subprocess

import pytest
from confluent_kafka import Producer

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.embedded import EmbeddedBroker
from connectors.settings import Connections

WAIT_S = 60.0
OFTEN = 200
"""Calls after which CPython takes shortcuts."""


def test_a_record_whose_headers_names_are_no_text_is_read_without_headers_and_the_next_with_them() -> (
    None
):
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")  # confluent-kafka would not write such a one
    with EmbeddedBroker({"t": 1}) as broker:
        producer = Producer({"bootstrap.servers": broker.brokers})
        for _ in range(OFTEN):
            producer.produce("t", b"before", headers=[("good", b"y")], partition=0)
        assert producer.flush(WAIT_S) == 0
        for name in (b"\xff\xfe=x", b"good=y"):
            subprocess.run(
                ["kcat", "-P", "-b", broker.brokers, "-t", "t", "-p", "0", "-H", b"also=z", "-H", name],
                input=b"value",
                check=True,
                timeout=WAIT_S,
            )
        with BroadcastReader(
            Connections.only(kafka_brokers=broker.brokers, store_url=""), ["t"]
        ) as reader:
            found = [reader.poll(WAIT_S) for _ in range(OFTEN + 2)]

    assert [(record.value, record.headers) for record in found if record] == [
        *[(b"before", [("good", b"y")])] * OFTEN,
        (b"value", []),
        (b"value", [("also", b"z"), ("good", b"y")]),
    ]
