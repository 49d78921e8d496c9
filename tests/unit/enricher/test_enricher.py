"""The enricher: sentences, keywords and speech rate of one segment."""

import pickle

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from connectors.settings import Connections
from processors.enricher.keywords import keywords
from processors.enricher.processor import stage
from processors.enricher.sentences import LONGEST_S, sentences
from processors.enricher.speech_rate import words_per_minute
from processors.runtime.contract import Failure
from schemas.events import (
    ArtefactRef,
    FailureKind,
    Model,
    SegmentEnriched,
    SegmentTranscribed,
    StageFailed,
    Task,
    Word,
)
from schemas.topics import SEGMENT_TRANSCRIBED

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}ー][。、？！]?"


def spoken(text: str, word_s: float = 0.4) -> tuple[Word, ...]:
    """The text's words one after the other, with leading spaces as a transcriber writes them."""
    return tuple(
        Word(text=word, start_s=round(i * word_s, 3), end_s=round((i + 1) * word_s, 3), probability=0.9)
        for i, word in enumerate(regex.findall(rf"{UNSPACED}|\s*[^\s\p{{Han}}]+", text))
    )


def transcribed(words: tuple[Word, ...], language: str = "en") -> SegmentTranscribed:
    return SegmentTranscribed(
        video_id="v",
        revision=2,
        index=3,
        start_s=60.0,
        end_s=120.0,
        audio_start_s=58.5,
        audio_end_s=121.5,
        language=language,
        language_probability=0.98,
        task=Task.TRANSLATE,
        words=words,
        artefact=ArtefactRef(key="media/d/words.json", sha256="0" * 64, size_bytes=9),
        model=Model(name="tiny.en", digest="d", engine="e", compute_type="int8"),
    )


class NoJob:
    attempt = 1

    def progress(self, done: float, total: float | None, unit: str) -> None: ...

    def check(self) -> None: ...


@pytest.fixture
def enricher():
    return stage(Connections.only(kafka_brokers="unused:1", store_url="file:///unused"))


def test_segment_is_enriched_and_everything_else_passed_through(enricher):
    event = transcribed(spoken(" Kafka keeps a log. A log is read by offset."))
    (enriched,) = enricher.make(enricher.settings).process(event, NoJob())
    assert isinstance(enriched, SegmentEnriched)
    for field in ("video_id", "revision", "index", "start_s", "end_s", "audio_start_s", "audio_end_s"):
        assert getattr(enriched, field) == getattr(event, field)
    assert (enriched.language, enriched.language_probability) == ("en", 0.98)
    assert (enriched.artefact, enriched.model, enriched.task) == (
        event.artefact,
        event.model,
        event.task,
    )
    assert enriched.word_count == 10
    assert [s.text for s in enriched.sentences] == ["Kafka keeps a log.", "A log is read by offset."]
    assert enriched.speech_rate_wpm == 150.0


def test_segment_without_words_is_enriched_with_nothing(enricher):
    (enriched,) = enricher.make(enricher.settings).process(transcribed((), "und"), NoJob())
    assert (enriched.sentences, enriched.keywords, enriched.speech_rate_wpm) == ((), (), 0.0)


def test_given_up_segment_names_its_words_so_that_they_stay_in(enricher):
    event = transcribed(spoken(" Hello."))
    failed = enricher.gave_up(event, Failure(FailureKind.CRASH, "worker died", 0))
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.index, failed.start_s, failed.end_s) == ("enricher", 3, 60.0, 120.0)
    assert (failed.artefact, failed.audio_start_s) == (event.artefact, 58.5)
    assert (failed.kind, failed.reason) == (FailureKind.CRASH, "worker died")


def test_stage_reads_words_and_can_be_sent_to_a_worker_process(enricher):
    assert [lane.topic for lane in enricher.lanes] == [SEGMENT_TRANSCRIBED]
    assert pickle.loads(pickle.dumps(enricher)).name == "enricher"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "en",
            " Mr. Smith paid 3.5 dollars. Really? Yes!",
            ["Mr. Smith paid 3.5 dollars.", "Really?", "Yes!"],
        ),
        (
            "de",
            " Das ist z. B. gut. Am 3. Mai geht es los.",
            ["Das ist z. B. gut.", "Am 3. Mai geht es los."],
        ),
        ("zh", "我们开始吧。你好吗？", ["我们开始吧。", "你好吗？"]),
        ("ja", "今日は雨です。傘がある。", ["今日は雨です。", "傘がある。"]),
        ("hi", " आज हम बात करेंगे। धन्यवाद।", ["आज हम बात करेंगे।", "धन्यवाद।"]),
        ("ar", " هل هذا صحيح؟ نعم.", ["هل هذا صحيح؟", "نعم."]),
        ("und", " Unknown. Language.", ["Unknown.", "Language."]),
    ],
)
def test_sentences_are_found_in_many_languages(language, text, expected):
    words = spoken(text)
    found = sentences(words, language)
    assert [s.text for s in found] == expected
    assert [s.start_s for s in found] == [words[s.first_word].start_s for s in found]
    assert [s.end_s for s in found] == [words[s.end_word - 1].end_s for s in found]


@given(
    st.lists(
        st.text(st.sampled_from("abÄ.?! ,\n\u3000“”’。？日本ا"), min_size=1, max_size=6), max_size=60
    ),
    st.sampled_from(["en", "ja", "ar", "xx"]),
)
def test_sentences_hold_every_word_once_whatever_the_words_are(texts, language):
    words = [
        Word(text=text, start_s=float(i), end_s=i + 0.5, probability=1.0) for i, text in enumerate(texts)
    ]
    found = sentences(words, language)
    assert [i for s in found for i in range(s.first_word, s.end_word)] == list(range(len(words)))
    assert all(s.first_word < s.end_word for s in found)


def test_speech_without_punctuation_is_cut_at_its_pauses():
    words = [
        Word(
            text=" word",
            start_s=i * 0.5 + i // 40 * 0.8,
            end_s=i * 0.5 + 0.4 + i // 40 * 0.8,
            probability=1,
        )
        for i in range(150)
    ]
    found = sentences(words, "en")
    assert [s.first_word for s in found] == [0, 40, 80, 120]
    assert all(s.end_s - s.start_s <= LONGEST_S for s in found)


TALK = (
    "So today we talk about consumer lag. Consumer lag is the distance between two offsets. The"
    " committed offset is what a consumer has finished. You know, the people at Apache Kafka measure"
    " consumer lag a lot."
)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", TALK, {"consumer lag"}),
        (
            "de",
            "Die Eisenbahn fuhr nach Fürth. Die Strecken der Eisenbahn. Jede Strecke ist lang.",
            {"Eisenbahn"},
        ),
        ("fr", "L'eau de la Révolution française. La Révolution française.", {"Révolution française"}),
        ("zh", "人工智能很有趣。我们研究人工智能。", {"人工智能"}),
        ("ja", "今日はデータベースについて話します。データベースは大切です。", {"データベース"}),
        ("ko", "데이터베이스는 중요합니다. 데이터베이스를 봅니다.", {"데이터베이스"}),
        ("hi", "भारत का इतिहास। भारत का इतिहास पुराना है।", {"इतिहास", "भारत"}),
        ("tlh", "The consumer lag. That consumer lag.", {"consumer"}),
    ],
)
def test_keywords_are_what_a_text_is_about(language, text, expected):
    found = keywords(text.split(". "), language, 3)
    assert expected & {keyword.text for keyword in found}
    assert found[0].score == 1.0
    assert [k.score for k in found] == sorted((k.score for k in found), reverse=True)
    assert all(0 < keyword.score <= 1 for keyword in found)


def test_stop_words_are_no_keywords():
    found = {keyword.text.casefold() for keyword in keywords([TALK], "en", 50)}
    assert not found & {"the", "about", "you", "so", "is the distance"}


def test_forms_of_one_word_are_one_keyword():
    assert [k.text for k in keywords(["One segment. Two segments, three segments."], "en", 5)] == [
        "segments"
    ]


@pytest.mark.parametrize(
    ("text", "word_s", "expected"),
    [
        (" one two three four", 0.5, 120.0),
        ("我们今天谈谈历史", 0.2, 187.5),  # eight characters are five words
        ("", 1.0, 0.0),
    ],
)
def test_speech_rate_counts_words_in_every_script(text, word_s, expected):
    assert words_per_minute(spoken(text, word_s)) == expected


def test_long_pauses_do_not_slow_the_speech_down():
    first, second = spoken(" one two", 0.5)
    later = Word(text=second.text, start_s=30.0, end_s=30.5, probability=1.0)
    assert words_per_minute([first, later]) == 120.0
