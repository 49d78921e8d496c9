"""What the real model makes of speech, and of sounds that are none."""

import re
from collections.abc import Callable, Iterable

import jiwer
import numpy as np
import pytest
from faster_whisper import WhisperModel

from processors.transcriber.recogniser import Recogniser
from processors.transcriber.settings import TranscriberSettings
from processors.transcriber.speech import SAMPLE_RATE, Samples, speech_probabilities, speech_spans
from schemas.events import Word
from tests.integration.transcriber import sounds
from tests.models import tiny_en


def tokens(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]+", " ", text.lower()).split()


def compared(words: Iterable[str]) -> jiwer.WordOutput:
    truth = [token for _, sentence in sounds.english().sentences for token in tokens(sentence)]
    return jiwer.process_words(
        " ".join(truth), " ".join(token for word in words for token in tokens(word))
    )


@pytest.fixture(scope="module")
def words(english: Recogniser) -> tuple[Word, ...]:
    return english.words(sounds.english().samples, "en")


def test_at_most_three_words_in_a_hundred_are_wrong(words: tuple[Word, ...]) -> None:
    assert compared(word.text for word in words).wer <= 0.03


def test_no_more_words_are_wrong_than_when_the_whole_file_is_transcribed_at_once(
    words: tuple[Word, ...],
) -> None:
    whole = WhisperModel(str(tiny_en().folder), device="cpu", compute_type="int8", cpu_threads=1)
    segments, _ = whole.transcribe(sounds.english().samples, language="en")

    ours = compared(word.text for word in words)

    assert ours.wer <= compared(segment.text for segment in segments).wer


def test_sentences_start_when_they_are_first_heard(words: tuple[Word, ...]) -> None:
    heard = [word for word in words for _ in tokens(word.text)]
    first_words = {}
    count = 0
    for start_s, sentence in sounds.english().sentences:
        first_words[count] = start_s
        count += len(tokens(sentence))

    errors_s = [
        abs(heard[chunk.hyp_start_idx + index - chunk.ref_start_idx].start_s - first_words[index])
        for chunk in compared(word.text for word in words).alignments[0]
        if chunk.type in ("equal", "substitute")
        for index in range(chunk.ref_start_idx, chunk.ref_end_idx)
        if index in first_words
    ]

    assert len(errors_s) >= 0.9 * len(first_words)
    assert np.median(errors_s) <= 0.03
    assert np.quantile(errors_s, 0.9) <= 0.1


def test_windows_decoded_together_give_the_same_words_as_one_by_one(
    words: tuple[Word, ...],
) -> None:
    one_by_one = Recogniser(tiny_en(), TranscriberSettings(batch_size=1))

    alone = one_by_one.words(sounds.english().samples, "en")

    assert [word.text for word in alone] == [word.text for word in words]


def test_speech_after_a_minute_without_any_is_found_at_its_time(english: Recogniser) -> None:
    start_s, sentence = sounds.english().sentences[0]
    spoken = sounds.english().samples[: 6 * SAMPLE_RATE]

    found = english.words(np.concatenate([sounds.music(60), spoken]), "en")

    assert tokens("".join(word.text for word in found))[:13] == tokens(sentence)[:13]
    assert found[0].start_s == pytest.approx(60 + start_s, abs=0.1)


@pytest.mark.parametrize("make", [sounds.silence, sounds.hum, sounds.noise, sounds.music])
def test_a_minute_without_speech_has_no_words(
    english: Recogniser, make: Callable[[float], Samples]
) -> None:
    assert english.words(make(60), "en") == ()


@pytest.mark.parametrize("make", [sounds.silence, sounds.hum, sounds.noise, sounds.music])
def test_the_model_is_not_believed_even_where_the_speech_detector_errs(
    make: Callable[[float], Samples],
) -> None:
    """With a threshold this low, everything passes for speech."""
    settings = TranscriberSettings(speech_threshold=0.0001)
    gullible = Recogniser(tiny_en(), settings)
    samples = make(30)
    spans = speech_spans(speech_probabilities(samples), len(samples), settings.speech_threshold)

    assert spans
    assert gullible.words(samples, "en") == ()


def test_what_the_caller_raises_between_windows_ends_the_work(english: Recogniser) -> None:
    def cancel(until_s: float) -> None:
        raise InterruptedError(until_s)

    with pytest.raises(InterruptedError):
        english.words(sounds.english().samples[: 10 * SAMPLE_RATE], "en", decoded=cancel)
