"""`/search`: what was said, in all videos."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Query

from connectors.database import BadCursor, Catalogue
from connectors.gateway import views
from connectors.gateway.asking import Language
from connectors.gateway.models import SearchAnswer
from connectors.gateway.videos import bad_cursor, needed

_MOST = 100
_MOST_CHARS = 500

Day = Annotated[date | None, Query(description="day of the upload (UTC), inclusive")]


def router(catalogue: Catalogue | None) -> APIRouter:
    """catalogue: None where there is none."""
    routes = APIRouter(tags=["search"])

    @routes.get("/search", response_model=SearchAnswer, summary="Find what was said")
    def found(
        *,
        q: Annotated[str, Query(max_length=_MOST_CHARS, description='words, "phrases" and beginnings*')],
        language: Annotated[Language | None, Query(description="BCP 47 tag")] = None,
        since: Day = None,
        until: Day = None,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 20,
        cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    ) -> dict[str, Any]:
        """Sentences, best first, each with its time in its video."""
        try:
            page = needed(catalogue).search(
                q,
                language=language,
                since=None if since is None else datetime.combine(since, time.min, UTC),
                until=None if until is None else datetime.combine(until, time.max, UTC),
                limit=limit,
                after=cursor or None,
            )
        except BadCursor:
            raise bad_cursor() from None
        return {
            "hits": [views.hit(each) for each in page.items],
            "next": page.next,
            "total": page.total,
            "at_least": page.at_least,
        }

    return routes
