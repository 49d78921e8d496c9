"""`/events`: the stream as a client gets it."""

import asyncio
import time
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.errors import DependencyDown
from connectors.gateway.asking import check_id
from connectors.gateway.live.hub import Client, Hub
from connectors.gateway.live.messages import Message
from connectors.gateway.problems import Problem

_HEARTBEAT_S = 15.0
_HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"
"""An event and no comment: a page does not hear of comments, and only silence tells it of a connection
that is dead and that nobody has closed."""
_ID_EVERY_S = 1.0
_SEND_S = 30.0
"""A client that takes nothing for so long is gone."""
_RETRY_S = 5
_RECONNECT_MS = 1000

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EXAMPLE = (
    "event: progress\n"
    'data: {"video_id":"4f9c","revision":1,"stage":"converter",'
    '"index":null,"done":12.5,"total":60.0,"unit":"s"}'
    "\n\n"
)


def router(hub: Hub, max_streams: int) -> APIRouter:
    """max_streams: how many clients may listen at once."""
    routes = APIRouter(tags=["events"])

    @routes.get(
        "/events",
        summary="What happens, as it happens",
        response_class=Response,
        responses={
            200: {
                "description": "Server-sent events: snapshot, video, progress, caption, deleted; and"
                f" heartbeat where there was none for {_HEARTBEAT_S:.0f} s",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
            }
        },
    )
    async def events(
        request: Request,
        video_id: Annotated[str | None, Query(description="captions of this video alone")] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The first event is a snapshot of all videos at work, unless `Last-Event-ID` names one that any
        gateway told not long ago: then what came since follows. An event may come twice."""
        if hub.clients >= max_streams:
            raise Problem(
                503,
                "Too many streams",
                "Too many clients follow live events; try again.",
                headers={"Retry-After": str(_RETRY_S)},
            )
        if video_id is not None:
            check_id(video_id)
        return EventStream(hub, video_id, last_event_id, until=request.state.until)

    return routes


class EventStream(Response):
    """Sends what the hub tells, until the client leaves, is too slow or signed in no longer, or the
    gateway stops."""

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, captions_of: str | None, last_event_id: str | None, *, until: float
    ) -> None:
        """until: when the client's session ends (Unix time)."""
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._hub = hub
        self._captions_of = captions_of
        self._last_event_id = last_event_id
        self._until = until
        self._id_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = self._hub.join(self._captions_of, self._last_event_id)
        sending = asyncio.create_task(self._send_all(client, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                with suppress(TimeoutError):  # it takes nothing any more
                    sending.result()
        finally:
            self._hub.leave(client)
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, client: Client, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await _send(send, f"retry: {_RECONNECT_MS}\n\n".encode())
        while not (client.closed or client.dropped) and (left_s := self._until - time.time()) > 0:
            try:
                async with asyncio.timeout(min(_HEARTBEAT_S, left_s)):
                    await client.woken.wait()
            except TimeoutError:
                await _send(send, _HEARTBEAT)
                continue
            await self._send_new(client, send)
        farewell = b": too slow, please connect again\n\n" if client.dropped else b": going away\n\n"
        await _send(send, farewell, more=False)

    async def _send_new(self, client: Client, send: Send) -> None:
        """What has come for the client; a snapshot goes first, and may hold some of it already."""
        event_id = self._hub.event_id()
        messages = client.take()
        lead: list[Message] = []
        try:
            if client.needs_snapshot:
                client.needs_snapshot = False
                self._id_at = -_ID_EVERY_S  # a snapshot begins anew, so it is named
                lead = [await self._hub.snapshot()]
            if client.needs:
                needs, client.needs = client.needs, []
                lead += await self._hub.summaries(needs)
        except DependencyDown:
            client.closed = True  # it connects again, and finds out whether that helps
            return
        told = [*lead, *messages]
        if told:
            encoded = [message.encode() for message in told[:-1]]
            encoded.append(told[-1].encode(self._id_now_and_then(event_id)))
            await _send(send, b"".join(encoded))

    def _id_now_and_then(self, event_id: str | None) -> str | None:
        """Ids are long, and one a second is enough to go on from."""
        now = time.monotonic()
        if event_id is None or now - self._id_at < _ID_EVERY_S:
            return None
        self._id_at = now
        return event_id


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(_SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
