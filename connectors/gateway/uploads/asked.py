"""What a request for an upload says beside its bytes."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query
from pydantic import ValidationError
from starlette.requests import Request

from connectors.gateway.asking import Language, Model, OptionsAsked
from connectors.gateway.bodies import not_understood
from connectors.gateway.problems import Problem
from schemas.events import Options, Task


def options_in_query(
    language: Annotated[
        Language | None,
        Query(description="BCP 47 tag of the speech, or `mixed`; by default it is heard"),
    ] = None,
    model: Annotated[
        Model | None, Query(description="name of a Whisper model; by default the transcriber's own")
    ] = None,
    task: Annotated[
        Task, Query(description="`translate`: English text, whatever is spoken")
    ] = Task.TRANSCRIBE,
) -> Options:
    """Nothing said means that the stages' own settings count."""
    return Options(language=language, model=model, task=task)


def options_in(metadata: Mapping[str, str]) -> Options:
    """The same, of an upload by tus. Raises Problem."""
    said = {name: metadata[name] for name in OptionsAsked.model_fields if name in metadata}
    try:
        return OptionsAsked.model_validate(said).changed(Options())
    except ValidationError as error:
        raise not_understood(error) from error


def whole_number(request: Request, header: str) -> int | None:
    """A header's value; None without it. Raises Problem."""
    value = request.headers.get(header)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 18):
        raise Problem(400, "Bad request", f"{header}: expected a whole number.")
    return int(value)
