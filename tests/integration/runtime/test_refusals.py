"""What the broker refuses to take ends no processor, where another start would meet it again."""

import ctypes
from pathlib import Path

from confluent_kafka import KafkaError

from connectors.kafka.embedded import EmbeddedBroker
from schemas.topics import STAGE_FAILED, VIDEO_CONVERTED, VIDEO_PROGRESS, VIDEO_UPLOADED

from .conftest import DEAD, Bench, until


def refuse(broker: EmbeddedBroker, topic: str) -> None:
    """Have the broker let nobody write to that topic, as one whose operator forgot to."""
    error = KafkaError.TOPIC_AUTHORIZATION_FAILED
    cluster = ctypes.c_void_p(broker._cluster)
    broker._lib.rd_kafka_mock_topic_set_error(cluster, topic.encode(), error)


def test_a_processor_whose_progress_the_broker_refuses_works_on(tmp_path: Path) -> None:
    topics = (VIDEO_UPLOADED, VIDEO_CONVERTED, STAGE_FAILED, VIDEO_PROGRESS)
    with EmbeddedBroker({topic.name: 1 for topic in topics} | {DEAD: 1}) as broker:
        refuse(broker, VIDEO_PROGRESS.name)
        settings = {"delivery": "at-least-once", "group_protocol": "classic", "session_timeout_s": 3}
        bench = Bench(broker.brokers, tmp_path, **settings)
        toy = bench.start(workers=1)
        bench.upload("talkative", "yield:1 wait:go yield:2")
        until(lambda: toy.poll() is not None or "no progress is sent" in bench.said(), within_s=60)
        bench.touch("go")
        until(lambda: toy.poll() is not None or len(bench.converted()) == 2, within_s=60)
        assert bench.converted() == [("talkative", 1), ("talkative", 2)]
        assert bench.said().count("no progress is sent") == 1
        bench.close()


def test_an_id_too_long_for_what_is_made_of_it_holds_nobody_else_up(bench: Bench) -> None:
    toy = bench.start()
    bench.upload("v" * 340_000, "poison")  # its event would have the id in value, key and headers
    bench.upload("next", "yield:1")
    until(lambda: toy.poll() is not None or bench.read(DEAD), within_s=60)
    assert [record.key for record in bench.read(DEAD)] == [b"v" * 340_000]
    until(lambda: toy.poll() is not None or bench.converted("next"), within_s=60)
    assert toy.poll() is None
