"""Whether a window's text is believed. Whisper writes text for any sound; these checks, known from
OpenAI's and SYSTRAN's decoders, tell what it heard from what it made up."""

import zlib
from dataclasses import dataclass
from statistics import median

from processors.transcriber.settings import TranscriberSettings


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the model says of one window's text. log_prob: mean over its tokens; no_speech: probability
    that nobody speaks; speech_s: seconds of speech in the window."""

    text: str
    log_prob: float
    no_speech: float
    speech_s: float
    word_probabilities: tuple[float, ...]


def silent(evidence: Evidence, settings: TranscriberSettings) -> bool:
    """Whether the model itself says that nobody speaks, and is not sure of its text either."""
    return (
        evidence.no_speech > settings.no_speech_max
        and evidence.log_prob < settings.no_speech_log_prob_min
    )


def doubt(evidence: Evidence, settings: TranscriberSettings) -> str | None:
    """Why the text is not believed, or None if it is."""
    words = len(evidence.word_probabilities)
    if evidence.log_prob < settings.log_prob_min:
        return f"mean log probability {evidence.log_prob:.2f}"
    if compression_ratio(evidence.text) > settings.compression_ratio_max:
        return f"compression ratio {compression_ratio(evidence.text):.1f}"
    if words > settings.words_per_second_max * max(evidence.speech_s, 0.5):
        return f"{words} words in {evidence.speech_s:.1f} s"
    if words and median(evidence.word_probabilities) < settings.word_probability_min:
        return f"median word probability {median(evidence.word_probabilities):.2f}"
    return None


def compression_ratio(text: str) -> float:
    """How much zlib shrinks the text: natural text stays under 2.4, repetition goes beyond."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))
