"""Audio to words with a Whisper model: find speech, pack it into windows, decode them together, believe
what passes the guards, and put each word where it is heard.

Decoding is deterministic: temperature 0, and which windows share a batch depends on the segment alone.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from processors.transcriber.guards import Evidence, doubt, silent
from processors.transcriber.languages import Heard
from processors.transcriber.models import ModelFiles
from processors.transcriber.onsets import pauses, settle
from processors.transcriber.settings import TranscriberSettings
from processors.transcriber.speech import (
    SAMPLE_RATE,
    Samples,
    Span,
    Window,
    speech_probabilities,
    speech_spans,
    windows,
)
from schemas.events import Task, Word

logger = logging.getLogger(__name__)

RECIPE = 1
"""To be raised by whoever changes this code so that equal settings give other words."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How one try decodes. timestamps: let the model write times between its words, too."""

    timestamps: bool
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    hotwords: bool = True


TRIES = (
    Decoding(timestamps=False),
    Decoding(timestamps=True, repetition_penalty=1.1, no_repeat_ngram=4, hotwords=False),
)
"""The first try for all windows, then what is tried for a window that fails the guards. Never sampling:
the same audio gives the same words."""


def engine() -> str:
    """What turns audio into words here, with versions."""
    return ", ".join(
        f"{name} {version(name)}" for name in ("faster-whisper", "ctranslate2", "onnxruntime")
    )


def placed(settings: TranscriberSettings) -> tuple[str, str]:
    """The device and the number type that the settings come to on this machine."""
    import ctranslate2  # noqa: PLC0415  # takes a quarter of a second

    device = settings.device
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    compute_type = settings.compute_type
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    return device, compute_type


@dataclass(frozen=True, slots=True)
class _Speech:
    """What the windows of one segment are decoded from and with."""

    samples: Samples
    spans: list[Span]
    tokenizer: Any
    hotwords: str | None


class Recogniser:
    """One loaded model. Not for use by several threads at once."""

    def __init__(self, files: ModelFiles, settings: TranscriberSettings) -> None:
        """Load the model, which takes seconds for the larger ones. Raises RuntimeError if its files are
        damaged."""
        from faster_whisper import WhisperModel  # noqa: PLC0415  # takes half a second

        self.files = files
        self._settings = settings
        device, self.compute_type = placed(settings)
        self._whisper = WhisperModel(
            str(files.folder),
            device=device,
            compute_type=self.compute_type,
            cpu_threads=settings.cpu_threads,
        )

    @property
    def multilingual(self) -> bool:
        """Whether the model knows other languages than English."""
        return bool(self._whisper.model.is_multilingual)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the model knows (Whisper's codes)."""
        known = self._whisper.hf_tokenizer.token_to_id
        return frozenset(c for c in self._whisper.supported_languages if c == "en" or known(f"<|{c}|>"))

    def heard(self, samples: Samples) -> Iterator[Heard]:
        """The languages in 16 kHz mono audio, window by window until one is sure."""
        spans, packed = self._packed(samples)
        for window in packed:
            encoded = self._whisper.encode(self._features(window.cut(samples)))
            ranked = self._whisper.model.detect_language(encoded)[0][:8]
            heard = Heard(
                round(_speech_s(spans, window), 3),
                tuple((token[2:-2], round(float(probability), 4)) for token, probability in ranked),
            )
            yield heard
            if heard.sure:
                return

    def words(
        self,
        samples: Samples,
        language: str,
        task: Task = Task.TRANSCRIBE,
        hotwords: str | None = None,
        decoded: Callable[[float], None] = lambda until_s: None,
    ) -> tuple[Word, ...]:
        """The words in 16 kHz mono audio, in time order; times in seconds from its beginning.

        language: a Whisper code; ignored by a model that knows English only. decoded: called now and
        then with how far the work is, in seconds of audio; what it raises ends the work.
        """
        spans, packed = self._packed(samples)
        speech = _Speech(samples, spans, self._tokenizer(language, task), hotwords)
        words: list[Word] = []
        for begin in range(0, len(packed), self._settings.batch_size):
            batch = packed[begin : begin + self._settings.batch_size]
            for window, first_try in zip(batch, self._decode(batch, speech, TRIES[0]), strict=True):
                words += self._believed(window, first_try, speech)
            decoded(batch[-1].pieces[-1].end / SAMPLE_RATE)
        return tuple(settle(words, pauses(samples, spans)))

    def _packed(self, samples: Samples) -> tuple[list[Span], list[Window]]:
        """Where speech is, and the windows that hold it."""
        probabilities = speech_probabilities(samples)
        spans = speech_spans(probabilities, len(samples), self._settings.speech_threshold)
        return spans, windows(spans, probabilities, len(samples))

    def _tokenizer(self, language: str, task: Task) -> Any:
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415

        return Tokenizer(
            self._whisper.hf_tokenizer, self.multilingual, task=task.value, language=language
        )

    def _believed(self, window: Window, found: list[Word] | str, speech: _Speech) -> list[Word]:
        """What was found in the window, or is found by trying again; nothing if no try is believed."""
        for again in TRIES[1:]:
            if not isinstance(found, str):
                break
            (found,) = self._decode([window], speech, again)
        if isinstance(found, str):
            at_s = window.pieces[0].start / SAMPLE_RATE
            logger.warning("no believable text at %.1f s of the segment: %s", at_s, found)
            return []
        return found

    def _decode(self, batch: list[Window], speech: _Speech, how: Decoding) -> list[list[Word] | str]:
        """Each window's words, or why they are not believed."""
        from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415

        whisper = self._whisper
        encoded = whisper.encode(
            np.stack([self._features(window.cut(speech.samples)) for window in batch])
        )
        prompt = whisper.get_prompt(
            speech.tokenizer,
            [],
            without_timestamps=not how.timestamps,
            hotwords=speech.hotwords if how.hotwords else None,
        )
        results = whisper.model.generate(
            encoded,
            [prompt] * len(batch),
            beam_size=self._settings.beam_size,
            repetition_penalty=how.repetition_penalty,
            no_repeat_ngram_size=how.no_repeat_ngram,
            max_length=whisper.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(speech.tokenizer, [-1]),
        )
        tokens = [[t for t in result.sequences_ids[0] if t < speech.tokenizer.eot] for result in results]
        frames = [window.length // whisper.feature_extractor.hop_length for window in batch]
        aligned = whisper.find_alignment(speech.tokenizer, tokens, encoded, frames)
        return [
            self._judged(window, speech.spans, speech.tokenizer.decode(text), result, alignment)
            for window, text, result, alignment in zip(batch, tokens, results, aligned, strict=True)
        ]

    def _judged(
        self, window: Window, spans: list[Span], text: str, result: Any, alignment: list[dict[str, Any]]
    ) -> list[Word] | str:
        from faster_whisper.transcribe import merge_punctuations  # noqa: PLC0415

        merge_punctuations(alignment, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
        alignment = [word for word in alignment if word["word"].strip()]
        length = len(result.sequences_ids[0])
        evidence = Evidence(
            text=text,
            log_prob=result.scores[0] * length / (length + 1),
            no_speech=result.no_speech_prob,
            speech_s=_speech_s(spans, window),
            word_probabilities=tuple(float(word["probability"]) for word in alignment),
        )
        if silent(evidence, self._settings):
            return []
        reason = doubt(evidence, self._settings)
        if reason is not None:
            return reason
        return [
            Word(
                text=word["word"],
                start_s=round(window.to_source(word["start"] * SAMPLE_RATE) / SAMPLE_RATE, 3),
                end_s=round(window.to_source(word["end"] * SAMPLE_RATE) / SAMPLE_RATE, 3),
                probability=round(float(word["probability"]), 4),
            )
            for word in alignment
        ]

    def _features(self, samples: Samples) -> Any:
        from faster_whisper.audio import pad_or_trim  # noqa: PLC0415

        extractor = self._whisper.feature_extractor
        return pad_or_trim(extractor(samples)[..., :-1])


def _speech_s(spans: list[Span], window: Window) -> float:
    first, last = window.pieces[0].start, window.pieces[-1].end
    return sum(span.length for span in spans if first <= span.start < last) / SAMPLE_RATE
