"""What a request for an upload says beside its bytes."""

import re

from starlette.requests import Request

from connectors.gateway.problems import Problem
from schemas.events import Options

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def options_of(language: str | None, model: str | None) -> Options:
    """Raises Problem. Nothing said means that the stages' own settings count."""
    if language and _LANGUAGE.fullmatch(language) is None:
        raise Problem(400, "Bad request", "language: expected a tag such as en or pt-BR.")
    if model and _MODEL.fullmatch(model) is None:
        raise Problem(400, "Bad request", "model: expected a name such as small or large-v3.")
    return Options(language=language or None, model=model or None)


def whole_number(request: Request, header: str) -> int | None:
    """A header's value; None without it. Raises Problem."""
    value = request.headers.get(header)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 18):
        raise Problem(400, "Bad request", f"{header}: expected a whole number.")
    return int(value)
