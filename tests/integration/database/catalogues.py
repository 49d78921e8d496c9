"""Catalogues for tests, and videos to put into them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from connectors.database import Catalogue, Page, Spoken, State, VideoDetail, VideoRow, open_catalogue
from connectors.database.contract import Hit
from connectors.settings import Connections
from schemas.events import Options

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def opened(url: str) -> Catalogue:
    return open_catalogue(Connections.only(kafka_brokers="-", store_url="file:///-", database_url=url))


def detail(video_id: str, at: datetime = AT, state: State = State.COMPLETED) -> VideoDetail:
    row = VideoRow(video_id=video_id, revision=1, name=f"{video_id}.mp4", state=state, uploaded_at=at)
    return VideoDetail(row=row, shown_revision=1, revisions=(), source="", options=Options())


def spoken(*texts: str, language: str = "en") -> list[Spoken]:
    """Sentences of ten seconds."""
    return [Spoken(10.0 * n, 10.0 * n + 10, text, language) for n, text in enumerate(texts)]


def add(
    catalogue: Catalogue, video_id: str, *texts: str, at: datetime = AT, language: str = "en"
) -> None:
    """A completed video in which these sentences are said."""
    with catalogue.batch() as batch:
        batch.hold([video_id])
        batch.show(detail(video_id, at))
        batch.index(video_id, 1, spoken(*texts, language=language))


def marked(hits: Iterable[Hit]) -> list[str]:
    """Each hit's snippet, with brackets around what was searched for."""
    return ["".join(f"[{s.text}]" if s.hit else s.text for s in hit.snippet) for hit in hits]


def said(page: Page[Hit]) -> list[str]:
    return marked(page.items)
