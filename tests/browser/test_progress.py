"""How far a video is, on the page of a real gateway.

Broker, catalogue and stream are real; the test speaks for the processors.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from connectors.kafka.embedded import EmbeddedBroker
from connectors.settings import Connections
from schemas.events import Progress, SegmentTranscribed
from schemas.topics import CATALOG, READERS, TOPICS, dead_topic
from tests.browser.looks import look
from tests.integration.gateway.serving import Place, serving
from tests.processors import Processors
from tests.unit.catalog.videos import converted, enriched, keep, probed, uploaded

VIDEO = "lecture"
PIECE_S = 30.0


def under_way(index: int, done_s: float, revision: int = 1) -> Progress:
    """What a transcriber says while it is at a piece."""
    return Progress(
        video_id=VIDEO,
        revision=revision,
        stage="transcriber",
        index=index,
        done=done_s,
        total=PIECE_S,
        unit="s",
    )


def heard(index: int) -> SegmentTranscribed:
    """What it says when the piece is done."""
    event = enriched(VIDEO, index=index)
    return SegmentTranscribed(
        video_id=VIDEO,
        index=index,
        start_s=event.start_s,
        end_s=event.end_s,
        audio_start_s=event.audio_start_s,
        audio_end_s=event.audio_end_s,
        language="en",
        language_probability=1.0,
        words=(),
        artefact=event.artefact,
        model=event.model,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A broker, a store and a catalogue that follows the events."""
    folder: Path = tmp_path_factory.mktemp("progress")
    topics = {topic.name: 2 for topic in TOPICS}
    topics |= {dead_topic(topic.name, CATALOG): 1 for topic in READERS[CATALOG]}
    with EmbeddedBroker(topics) as broker:
        connections = Connections.only(
            kafka_brokers=broker.brokers,
            store_url=(folder / "store").as_uri(),
            database_url=f"sqlite://{folder / 'catalogue.sqlite'}",
        )
        on_the_embedded_broker = {
            "REELAY_RUNTIME_DELIVERY": "at-least-once",
            "REELAY_RUNTIME_GROUP_PROTOCOL": "classic",
        }
        with Processors(connections, folder, **on_the_embedded_broker) as processors:
            processors.start(CATALOG)
            yield Place(connections)


@pytest.fixture
def page(context: BrowserContext, place: Place) -> Iterator[Page]:
    """A tab with the list. Mistakes in scripts fail the test."""
    with serving(place.connections) as gateway:
        page = context.new_page()
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto(str(gateway.base_url))
        yield page
        page.close()
        assert mistakes == []


def test_the_bar_moves_within_a_piece_and_never_back(page: Page, place: Place) -> None:
    upload = replace(uploaded(VIDEO), name="Lecture on tides.mp4")
    keep(place.store, upload)
    place.publish(upload, replace(probed(VIDEO), name=upload.name), converted(VIDEO, segments=4))
    bar = page.locator(".tile progress")
    shows(bar, 0)

    place.publish(under_way(0, 15.0))
    shows(bar, 0.125)
    place.publish(under_way(1, 15.0), under_way(0, 24.0))
    shows(bar, 0.325)
    look(page, "within-a-piece")

    place.publish(heard(0))
    place.publish(under_way(0, 30.0))  # came by another way, and late
    place.publish(under_way(1, 21.0))
    page.get_by_role("link", name=upload.name).click()
    bar = page.locator(".video-head progress")
    shows(bar, 0.325)
    place.publish(enriched(VIDEO, index=0))
    shows(bar, (1 + 0.7) / 4)
    place.publish(under_way(1, 3.0))  # it begins anew, as after a crash
    place.publish(under_way(2, 30.0))
    place.publish(under_way(3, 15.0))
    shows(bar, (1 + 0.1 + 1 + 0.5) / 4)
    look(page, "video-within-a-piece")

    page.reload()
    shows(bar, 0.25)  # nothing is heard of the others yet
    place.publish(under_way(3, 18.0))
    shows(bar, (1 + 0.6) / 4)


def shows(bar: Locator, share: float) -> None:
    """The bar comes to show that share."""
    expect(bar).to_be_visible()
    bar.page.wait_for_function(
        "([bar, share]) => bar.hasAttribute('value') && Math.abs(bar.value - share) < 1e-6",
        arg=[bar.element_handle(), share],
    )
