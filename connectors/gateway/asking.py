"""What clients may ask for, checked once for all routes."""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.gateway.problems import no_such_video
from schemas.events import Options, Task
from schemas.outcomes import check_video_id

LANGUAGE = r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}"
"""A BCP 47 tag, by its form."""

_EXTENSIONS = re.compile(r"(?=-[a-z0-9]-)")
_CASES = {2: str.upper, 4: str.title}
"""Of a region and of a script, which have that many letters."""

MODEL = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""The name of a Whisper model. The command line may name a folder too; whoever comes by HTTP may not."""


def canonical(language: str) -> str:
    """A BCP 47 tag in the case that RFC 5646 (2.1.1) recommends, such as `pt-BR` or `zh-Hant-TW`: the
    case says nothing, but names of files and clients of the API are told apart by it."""
    plain, *extensions = _EXTENSIONS.split(language.lower(), maxsplit=1)
    first, *others = plain.split("-")
    cased = (_CASES.get(len(subtag), str.lower)(subtag) for subtag in others)
    return "-".join((first, *cased)) + "".join(extensions)


Language = Annotated[str, Field(pattern=f"^({LANGUAGE})$", max_length=80), AfterValidator(canonical)]
Model = Annotated[str, Field(pattern=f"^{MODEL}$")]
VideoId = Annotated[
    str, Path(description="id of the video", examples=["4f9c0d6e2b7a4c1f8e35a1d2c3b4e5f6"])
]


class OptionsAsked(BaseModel):
    """How a video is to be done; what is left out stays as it was, null is what there is by default."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"language": "de", "model": "small"}]}
    )

    language: Language | None = Field(
        None, description="BCP 47 tag of the speech, or `mixed`; null: it is heard"
    )
    model: Model | None = Field(None, description="name of a Whisper model; null: the transcriber's own")
    task: Literal["transcribe", "translate"] | None = None

    def changed(self, options: Options) -> Options:
        """These options, with what was asked for."""
        asked: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "task" in asked:
            asked["task"] = Task(asked["task"] or Task.TRANSCRIBE)
        return replace(options, reuse=True, **asked)


def check_id(video_id: str) -> str:
    """The id, if a video can have it: nothing that could lead elsewhere in the store. Raises Problem."""
    try:
        check_video_id(video_id)
    except ValueError:
        raise no_such_video() from None
    return video_id
