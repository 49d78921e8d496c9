"""`PUT /videos/{video_id}/captions/{language}`: captions that somebody corrected."""

import hashlib
from dataclasses import replace
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query
from starlette.requests import Request

from connectors.gateway.announcing import Wisher
from connectors.gateway.asking import Language, VideoId, canonical, check_id
from connectors.gateway.bodies import read_body
from connectors.gateway.documents import problems
from connectors.gateway.models import RevisionTakenAnswer
from connectors.gateway.problems import Problem, no_such_video
from connectors.gateway.stored import latest_completed, latest_wanted, stored_revisions
from connectors.objectstore import ObjectStore
from connectors.objectstore.contract import put_once
from connectors.objectstore.revisions import VideoWasDeleted, revision_on_top
from schemas.captions import Cue, captions_key, dump_captions
from schemas.cues import BadCaptions, Format, read_cues
from schemas.events import CorrectedCaptions, VideoUploaded

_FORMATS: dict[str, Format] = {
    "text/vtt": "vtt",
    "application/x-subrip": "srt",
    "application/srt": "srt",
    "text/srt": "srt",
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/vtt": {
                "schema": {"type": "string"},
                "example": "WEBVTT\n\n00:01.000 --> 00:03.500\nEvery week, people record\n",
            },
            "application/x-subrip": {
                "schema": {"type": "string"},
                "example": "1\n00:00:01,000 --> 00:00:03,500\nEvery week, people record\n",
            },
        },
    }
}


def router(store: ObjectStore, wisher: Wisher, max_bytes: int) -> APIRouter:
    """max_bytes: the largest file that is taken."""
    routes = APIRouter(tags=["captions"])

    @routes.put(
        "/videos/{video_id}/captions/{language}",
        status_code=202,
        response_model=RevisionTakenAnswer,
        responses=problems(409, 413, 415),
        openapi_extra=_BODY,
        summary="Correct the captions of one language",
    )
    async def correct(
        request: Request,
        video_id: VideoId,
        language: Annotated[Language, Path(description="BCP 47 tag", examples=["en"])],
        corrected_from: Annotated[
            int | None,
            Query(
                alias="from",
                ge=1,
                description="the revision whose captions were corrected; 409 if there is a newer one",
            ),
        ] = None,
    ) -> dict[str, Any]:
        """They become a new revision's, beside the transcribed ones, which stay as they are."""
        check_id(video_id)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _FORMATS:
            raise Problem(415, "Wrong type", "Expected Content-Type: text/vtt or application/x-subrip.")
        data = await read_body(request, max_bytes)
        try:
            cues = await run_sync(read_cues, data, _FORMATS[kind])
        except BadCaptions as error:
            raise Problem(422, "Bad captions", f"Line {error.line}: {error}.", line=error.line) from None
        upload = await run_sync(_begun, video_id, language, cues, corrected_from)
        return {"video_id": video_id, "revision": upload.revision}

    def _begun(
        video_id: str, language: str, cues: tuple[Cue, ...], corrected_from: int | None
    ) -> VideoUploaded:
        """The new revision, announced. Raises Problem, DependencyDown."""
        data = dump_captions(cues)
        key = captions_key(video_id, hashlib.sha256(data).hexdigest())

        def on_top() -> VideoUploaded:
            completed = latest_completed(store, video_id)
            if completed is None:
                if not any(stored_revisions(store, video_id)):
                    raise no_such_video()
                why = "Only a completed video's captions can be corrected."
                raise Problem(409, "Not completed", why)
            base, _ = completed
            newest = latest_wanted(store, video_id) or base
            if corrected_from not in (None, newest.revision):
                why = f"revision {newest.revision} is newer"
                raise Problem(
                    409, "Changed meanwhile", f"These are captions of revision {corrected_from}; {why}."
                )
            corrected = CorrectedCaptions(language=language, file=put_once(store, key, data))
            others = tuple(each for each in newest.corrected if canonical(each.language) != language)
            options = replace(base.options, reuse=True)
            return replace(base, options=options, corrected=(*others, corrected))

        try:
            return wisher.wish(video_id, lambda: revision_on_top(store, video_id, on_top))
        except VideoWasDeleted:
            raise no_such_video() from None

    return routes
