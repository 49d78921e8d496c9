"""The aggregator is stopped while what it needs is away."""

from contextlib import ExitStack
from pathlib import Path

from connectors.kafka.embedded import EmbeddedBroker
from schemas.topics import CHANGELOG
from tests.integration.aggregator.world import ALL_TOPICS, World, probed


def test_it_stops_though_the_broker_has_gone(tmp_path: Path) -> None:
    with ExitStack() as at_the_end:
        with EmbeddedBroker(ALL_TOPICS) as broker:
            world = World.on(broker, tmp_path / "store")
            app = world.start(
                REELAY_AGGREGATOR_DRAIN_TIMEOUT_S="1", REELAY_AGGREGATOR_COMMIT_INTERVAL_S="600"
            )
            at_the_end.callback(app.kill)
            world.publish(probed("handled"))
            world.until(lambda: world.events(CHANGELOG, "handled"), "there is something to commit")
            world.consumer.close()  # without a broker it would wait for one
        assert app.stop() == 0
        assert app.said("stopped without a last commit")
