"""Which language is spoken: as the uploader declared it, or decided from a video's earliest speech."""

import json
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass

UNDETERMINED = "und"
"""BCP 47 for: nobody speaks."""
MIXED = "mixed"
"""The option that asks for a decision in each segment."""

_WHISPER = {"nb": "no", "jv": "jw", "fil": "tl", "iw": "he", "in": "id", "cmn": "zh", "mo": "ro"}
"""Other codes for languages that Whisper has its own for."""
_BCP47 = {"jw": "jv"}
_SHOWN_CHARS = 100
"""Of a tag that an upload asked for, which may be of any length."""


class UnknownLanguage(ValueError):
    """A declared language that the model does not know. The message is one line for the uploader."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One window of speech: how long it is, and the most probable languages (Whisper's codes)."""

    speech_s: float
    languages: tuple[tuple[str, float], ...]

    @property
    def sure(self) -> bool:
        """Whether this window is enough to decide. Of a sentence or two the model may be sure and wrong
        (a German one of 3 s is Thai with 0.86); of music it is never sure."""
        return self.speech_s >= 8.0 and self.languages[0][1] >= 0.6


@dataclass(frozen=True, slots=True)
class Decision:
    """A language (Whisper's code, or 'und') and its probability."""

    language: str
    probability: float


def declared(tag: str, known: Set[str]) -> str:
    """The code that Whisper has for a BCP 47 tag: `de-CH` is `de`. Raises UnknownLanguage unless it is
    among the languages that the model knows."""
    primary = tag.strip().replace("_", "-").split("-")[0].lower()
    code = _WHISPER.get(primary, primary)
    if code in known:
        return code
    shown = tag[:_SHOWN_CHARS]
    if known == {"en"}:
        raise UnknownLanguage(
            f"language {shown!r}: this model knows English only, choose another with --model"
        )
    raise UnknownLanguage(
        f"language {shown!r} is not one that this model knows: give a code such as 'de' or 'pt-BR'"
    )


def tag(code: str) -> str:
    """The BCP 47 tag of Whisper's code."""
    return _BCP47.get(code, code)


def decide(windows: Iterable[Heard]) -> Decision:
    """The language of speech, heard window by window in time order: that of the first window which is
    sure, so that whoever has heard as far agrees; without one, the most probable over all, by length.
    Stops asking for windows once it is decided.
    """
    weights: dict[str, float] = defaultdict(float)
    total = 0.0
    for window in windows:
        if window.sure:
            return Decision(*window.languages[0])
        total += window.speech_s
        for language, probability in window.languages:
            weights[language] += probability * window.speech_s
    if not weights:
        return Decision(UNDETERMINED, 0.0)
    language = max(weights, key=lambda code: (weights[code], code))
    return Decision(language, round(weights[language] / total, 4))


def dump_heard(windows: Iterable[Heard]) -> bytes:
    """What was heard in one segment, as a stored object."""
    return json.dumps([[w.speech_s, dict(w.languages)] for w in windows], separators=(",", ":")).encode()


def load_heard(data: bytes) -> tuple[Heard, ...]:
    """The inverse."""
    return tuple(Heard(speech_s, tuple(languages.items())) for speech_s, languages in json.loads(data))
