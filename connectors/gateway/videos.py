"""`/videos`: the list, one video, and what can be asked of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from connectors.database import BadCursor, Catalogue, State
from connectors.gateway import views
from connectors.gateway.announcing import Wisher
from connectors.gateway.asking import OptionsAsked, VideoId, check_id
from connectors.gateway.bodies import read_json
from connectors.gateway.documents import body_of, problems
from connectors.gateway.models import (
    RevisionTakenAnswer,
    VideoAnswer,
    VideosAnswer,
    VideoTakenAnswer,
)
from connectors.gateway.problems import Problem, no_such_video
from connectors.gateway.stored import (
    Revision,
    latest_completed,
    latest_wanted,
    stored_detail,
    stored_revisions,
)
from connectors.gateway.uploads import forget_accepted
from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import (
    VideoWasDeleted,
    earlier_upload,
    find_outcome,
    revision_on_top,
)
from connectors.objectstore.wishes import ask_to_cancel, ask_to_delete, revisions_of
from schemas.events import VideoCompleted, VideoUploaded
from schemas.outcomes import uploads_prefix

_MOST = 200


def router(store: ObjectStore, catalogue: Catalogue | None, wisher: Wisher) -> APIRouter:
    """catalogue: None where there is none; then videos are found by their ids alone."""
    routes = APIRouter(tags=["videos"])

    async def options_asked(request: Request) -> OptionsAsked:
        return await read_json(request, OptionsAsked)

    @routes.get("/videos", response_model=VideosAnswer, summary="All videos, newest upload first")
    def listed(
        state: Annotated[State | None, Query(description="only those in this state")] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
        cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    ) -> dict[str, Any]:
        try:
            page = needed(catalogue).videos(state=state, limit=limit, after=cursor or None)
        except BadCursor:
            raise bad_cursor() from None
        return {
            "videos": [views.summary(row) for row in page.items],
            "next": page.next,
            "total": page.total,
        }

    @routes.get("/videos/{video_id}", response_model=VideoAnswer, summary="One video")
    def one(video_id: VideoId) -> dict[str, Any]:
        check_id(video_id)
        detail = catalogue.video(video_id) if catalogue is not None else None
        detail = detail or stored_detail(store, video_id)
        if detail is None:
            raise no_such_video()
        return views.video(detail)

    @routes.delete(
        "/videos/{video_id}",
        status_code=202,
        response_model=VideoTakenAnswer,
        summary="Remove a video for ever",
    )
    def delete(video_id: VideoId) -> dict[str, Any]:
        """With all its results, also while it is worked on. Its id is never accepted again."""
        check_id(video_id)
        if not any(revisions_of(store, video_id)) and not any(store.keys(uploads_prefix(video_id))):
            raise no_such_video()
        forget_accepted(store, video_id)  # its name too
        wisher.wish(video_id, lambda: ask_to_delete(store, video_id))
        return {"video_id": video_id}

    @routes.post(
        "/videos/{video_id}/cancel",
        status_code=202,
        response_model=RevisionTakenAnswer,
        responses=problems(409),
        summary="Stop work on a video",
    )
    def cancel(video_id: VideoId) -> dict[str, Any]:
        """On all its revisions that are unfinished; the latest of them is named."""
        unfinished = [upload for upload, outcome in _known(store, video_id) if outcome is None]
        if not unfinished:
            raise Problem(409, "Not at work", "Nothing is being done for this video.")
        for upload in reversed(unfinished):
            _cancel(upload)
        return _taken(unfinished[0])

    def _cancel(upload: VideoUploaded) -> None:
        wisher.wish(upload.video_id, lambda: ask_to_cancel(store, upload.video_id, upload.revision))

    @routes.post(
        "/videos/{video_id}/retry",
        status_code=202,
        response_model=RevisionTakenAnswer,
        responses=problems(409),
        summary="Try a video again that failed or was cancelled",
    )
    def retry(video_id: VideoId) -> dict[str, Any]:
        """As a new revision, with the options of the last one."""
        check_id(video_id)
        return _taken(_begun(video_id, lambda: _without_result(store, video_id)))

    @routes.post(
        "/videos/{video_id}/replay",
        status_code=202,
        response_model=RevisionTakenAnswer,
        responses=problems(409, 413),
        openapi_extra=body_of(OptionsAsked, required=False),
        summary="Do a video again, with other options",
    )
    def replay(
        video_id: VideoId, asked: Annotated[OptionsAsked, Depends(options_asked)]
    ) -> dict[str, Any]:
        """As a new revision: the results that there are stay, and are shown until it is completed."""
        revisions = _known(store, video_id)
        completed = latest_completed(store, video_id)
        base = completed[0] if completed else revisions[0][0]
        options = asked.changed(base.options)

        def on_top() -> VideoUploaded:
            newest = latest_wanted(store, video_id) or base
            return replace(base, options=options, corrected=newest.corrected)

        under_way = earlier_upload(store, video_id, options)
        if (
            under_way is not None
            and under_way.corrected == on_top().corrected
            and find_outcome(store, under_way) is None
        ):
            return _taken(under_way)
        return _taken(_begun(video_id, on_top))

    def _begun(video_id: str, asked: Callable[[], VideoUploaded]) -> VideoUploaded:
        try:
            return wisher.wish(video_id, lambda: revision_on_top(store, video_id, asked))
        except VideoWasDeleted:
            raise no_such_video() from None

    return routes


def needed(catalogue: Catalogue | None) -> Catalogue:
    """Raises Problem where there is none."""
    if catalogue is None:
        raise Problem(503, "No catalogue", "This gateway has no catalogue (REELAY_DATABASE_URL).")
    return catalogue


def bad_cursor() -> Problem:
    """What a client gets for a cursor of its own making."""
    return Problem(422, "Not understood", "cursor: expected `next` of the page before")


def _known(store: ObjectStore, video_id: str) -> list[Revision]:
    """The video's revisions, latest first, at least one. Raises Problem."""
    revisions = list(stored_revisions(store, check_id(video_id)))
    if not revisions:
        raise no_such_video()
    return revisions


def _without_result(store: ObjectStore, video_id: str) -> VideoUploaded:
    """The latest revision, which failed or was cancelled. Raises Problem for any other."""
    upload, outcome = _known(store, video_id)[0]
    if outcome is None:
        raise Problem(409, "At work", "This video is being worked on.")
    if isinstance(outcome, VideoCompleted):
        raise Problem(409, "Completed", "This video is completed; it can be replayed.")
    return upload


def _taken(upload: VideoUploaded) -> dict[str, Any]:
    return {"video_id": upload.video_id, "revision": upload.revision}
