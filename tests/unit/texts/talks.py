"""Made-up speech for the tests of the text functions."""

from collections.abc import Iterable, Sequence

import regex
from hypothesis import strategies as st

from processors.aggregator.texts.pieces import Piece
from processors.aggregator.texts.transcript import Sentence, Transcript, join
from schemas.events import Keyword, Model, Word

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}ー][。、？！]?"
MODEL = Model(name="tiny.en", digest="d" * 64, engine="faster-whisper 1.2.1", compute_type="int8")


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(text=text, start_s=start_s, end_s=end_s, probability=0.9)


def spoken(text: str, *, start_s: float = 0.0, letters_per_s: float = 14.0) -> tuple[Word, ...]:
    """The text at an even pace, with a pause after each sentence."""
    words = []
    for part in regex.findall(rf"{UNSPACED}|\s*[^\s\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]+", text):
        wide = 3 if regex.match(UNSPACED, part) else 1
        end_s = start_s + wide * len(part) / letters_per_s
        words.append(word(part, round(start_s, 3), round(end_s, 3)))
        start_s = end_s + (0.5 if part[-1] in ".?!。？！" else 0.0)
    return tuple(words)


def piece(
    words: Sequence[Word],
    index: int = 0,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    language: str = "en",
    sentence_ends: tuple[int, ...] = (),
    keywords: Iterable[str] = (),
) -> Piece:
    start_s = (words[0].start_s if words else 0.0) if start_s is None else start_s
    end_s = (words[-1].end_s if words else start_s) if end_s is None else end_s
    return Piece(
        index=index,
        start_s=start_s,
        end_s=end_s,
        audio_start_s=start_s,
        audio_end_s=end_s,
        language=language,
        words=tuple(words),
        sentence_ends=sentence_ends,
        keywords=tuple(Keyword(text=text, score=1.0) for text in keywords),
        model=MODEL,
    )


def transcript_of(text: str, language: str = "en", **pace: float) -> Transcript:
    return join([piece(spoken(text, **pace), language=language)])


def one_sentence(words: Sequence[Word], language: str) -> tuple[Sentence, ...]:
    if not words:
        return ()
    return (
        Sentence(
            text="".join(w.text for w in words),
            start_s=words[0].start_s,
            end_s=words[-1].end_s,
            first_word=0,
            end_word=len(words),
            language=language,
        ),
    )


LETTERS = "abÄß.,?! -<>&\n\u2028\u0301日本。ア한العربية…\"'{\\/"


@st.composite
def timed_words(draw: st.DrawFn, most: int = 60) -> tuple[Word, ...]:
    """Words as bad as a recogniser may give them: odd letters, no letters, no time, long pauses."""
    words = []
    at_ms = draw(st.integers(0, 5000))
    for _ in range(draw(st.integers(0, most))):
        text = draw(st.sampled_from(["", " "])) + draw(
            st.one_of(
                st.sampled_from(["the", "and", "Kafka.", "x" * 50, "日本語", "-->", "<b>bold</b>"]),
                st.text(LETTERS, min_size=1, max_size=12),
            )
        )
        length_ms = draw(st.sampled_from([0, 1, 20, 150, 300, 450, 9000]))
        words.append(word(text, at_ms / 1000, (at_ms + length_ms) / 1000))
        at_ms += max(length_ms + draw(st.sampled_from([0, 0, 0, 40, 350, 1600, 8000])), 1)
    return tuple(words)
