"""Request bodies in bounded memory."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from connectors.gateway.problems import Problem

M = TypeVar("M", bound=BaseModel)

_JSON_BYTES = 64 * 1024


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises Problem if it is larger, or does not come."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise Problem(
                    413, "Too large", f"The request's body may have {max_bytes} bytes at most."
                )
    except ClientDisconnect:
        raise Problem(400, "Request broke off", "Fewer bytes came than were announced.") from None
    return bytes(body)


async def read_json(request: Request, kind: type[M]) -> M:
    """The body as JSON of that form; no body means that nothing is said. Raises Problem."""
    body = await read_body(request, _JSON_BYTES)
    try:
        return kind.model_validate_json(body or b"{}", strict=True)
    except ValidationError as error:
        raise not_understood(error) from error


def not_understood(error: ValidationError) -> Problem:
    """Says where the first fault is, without repeating what was sent."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the body"
    return Problem(422, "Not understood", f"{where}: {first['msg']}")
