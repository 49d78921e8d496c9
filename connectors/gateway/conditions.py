"""Conditional and range requests (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass

from starlette.requests import Request

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes from start to end, which is not among them."""

    start: int
    end: int


class NotSatisfiable(Exception):
    """The range that was asked for lies beyond the end."""


def is_other(request: Request, etag: str) -> bool:
    """Whether the client wants another version than this one (If-Match), such as the one that it has the
    beginning of."""
    wanted = request.headers.get("if-match")
    if wanted is None:
        return False
    return wanted.strip() != "*" and etag not in [each.strip() for each in wanted.split(",")]


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this very version already (If-None-Match)."""
    known = request.headers.get("if-none-match")
    if known is None:
        return False
    return known.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in known.split(",")]


def asked_range(request: Request, size_bytes: int, etag: str) -> Range | None:
    """The one range that is asked for of this very version; None for the whole.

    A header that we cannot make out, and several ranges at once, are answered with the whole, as the
    standard allows. Raises NotSatisfiable.
    """
    header = request.headers.get("range")
    condition = request.headers.get("if-range")
    if header is None or (condition is not None and condition.strip() != etag):
        return None
    match = _RANGE.fullmatch(header.strip().replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start = int(first)
        end = min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < start:
            return None
    if start >= end:
        raise NotSatisfiable
    return Range(start, end)
