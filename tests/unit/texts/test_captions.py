"""Captions keep the rules of the trade wherever the speech allows it."""

from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.aggregator.texts.captions import (
    APART_S,
    LONGEST_S,
    SHORTEST_S,
    Cue,
    cues,
    to_srt,
    to_vtt,
)
from processors.aggregator.texts.scripts import script_of, width
from schemas.events import Gap
from tests.unit.texts.talks import one_sentence, spoken, timed_words, transcript_of, word

MS = 0.001
LANGUAGES = st.sampled_from(["en", "de", "zh", "ja", "ko", "th", "ar", "und"])


def shown(words, language="en", gaps=()):
    return cues(words, one_sentence(words, language), gaps, language)


def letters(texts):
    return regex.sub(r"[\s\p{Cc}]", "", "".join(texts))


@settings(max_examples=60, deadline=None)
@given(timed_words(), LANGUAGES)
def test_every_word_is_shown_once_and_in_order(words, language):
    assert letters(line for cue in shown(words, language) for line in cue.lines) == letters(
        w.text for w in words
    )


@settings(max_examples=60, deadline=None)
@given(timed_words(), LANGUAGES)
def test_cues_never_overlap_and_stay_two_frames_apart(words, language):
    found = shown(words, language)
    assert all(cue.end_s > cue.start_s for cue in found)
    assert all(b.start_s - a.end_s >= APART_S - MS for a, b in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(timed_words(), LANGUAGES)
def test_cues_are_no_more_than_two_lines_of_their_script_and_no_longer_than_7_s(words, language):
    script = script_of(language)
    texts = {regex.sub(r"[\s\p{Cc}]+", " ", w.text).strip() for w in words}
    for cue in shown(words, language):
        assert 1 <= len(cue.lines) <= 2
        assert all(line.strip() == line != "" for line in cue.lines)
        assert all(width(line, script) <= script.line_width or line in texts for line in cue.lines)
        assert cue.end_s - cue.start_s <= LONGEST_S + MS


@settings(max_examples=60, deadline=None)
@given(timed_words(), LANGUAGES)
def test_cues_stay_long_enough_to_be_read_where_the_next_words_allow_it(words, language):
    script = script_of(language)
    for cue, following in pairwise(shown(words, language)):
        reading_s = sum(width(line, script) for line in cue.lines) / script.speed
        wanted_s = min(max(SHORTEST_S, reading_s), LONGEST_S)
        possible_s = max(following.start_s - APART_S - cue.start_s, 0)
        assert cue.end_s - cue.start_s >= min(wanted_s, possible_s) - 2 * MS


@pytest.mark.parametrize("language", ["en", "de", "ja"])
def test_cue_begins_with_its_first_word(language):
    text = {
        "en": " One two three. Four five six.",
        "de": " Eins zwei. Drei vier.",
        "ja": "一二三。四五六。",
    }
    words = spoken(text[language] * 8)
    starts = {w.start_s for w in words}
    assert all(cue.start_s in starts for cue in shown(words, language))


LECTURE = (
    " So today we are going to talk about how a Kafka broker stores its data on disk. Each partition is"
    " an append-only log, and the log is split into segments. If you want to know how far a consumer is"
    " behind, you look at the consumer lag. Um, Mr. Smith, that's basically the difference between the"
    " last offset and the committed offset because the consumer never goes back."
)


def test_fluent_speech_at_an_ordinary_pace_keeps_every_rule():
    found = shown(spoken(LECTURE * 5))
    assert all(SHORTEST_S - MS <= cue.end_s - cue.start_s <= LONGEST_S for cue in found)
    assert all(sum(map(len, cue.lines)) <= 20.5 * (cue.end_s - cue.start_s) for cue in found)
    assert all(len(line) <= 42 for cue in found for line in cue.lines)


def test_lines_are_broken_where_clauses_meet():
    transcript = transcript_of(LECTURE)
    found = cues(transcript.words, transcript.sentences, (), "en")
    assert found[1].lines == (
        "Each partition is an append-only log,",
        "and the log is split into segments.",
    )
    last_words = {
        regex.sub(r"\P{L}", "", line.split()[-1]).casefold() for cue in found for line in cue.lines
    }
    assert not last_words & {"a", "an", "the", "its", "of", "and", "to", "is", "mr"}


def test_no_word_stands_alone_in_a_line_if_it_need_not():
    found = shown(spoken(" This sentence is just a little longer than a line holds."))
    assert min(len(line.split()) for cue in found for line in cue.lines) > 2


@pytest.mark.parametrize(
    ("language", "text", "line_width"),
    [
        ("zh", "今天我们来谈谈人工智能的历史，它是计算机科学的一个分支。", 16),
        ("ja", "機械学習は人工知能の中心であり、データベースの設計についても話します。", 13),
        ("ko", " 오늘은 데이터베이스 설계에 대해 이야기하겠습니다. 데이터베이스는 정말 중요합니다.", 16),
    ],
)
def test_east_asian_lines_are_short_and_begin_with_no_mark(language, text, line_width):
    found = shown(spoken(text, letters_per_s=10), language)
    lines = [line for cue in found for line in cue.lines]
    assert max(width(line, script_of(language)) for line in lines) <= line_width
    assert not any(line[0] in "。、，" for line in lines)


def test_japanese_is_broken_between_phrases():
    found = shown(spoken("機械学習は人工知能の中心です。"), "ja")
    assert found[0].lines == ("機械学習は", "人工知能の中心です。")


def test_a_word_longer_than_a_line_has_its_own():
    long = " " + "a" * 60
    (cue,) = shown([word(" see", 0.0, 0.4), word(long, 0.5, 3.0), word(" now", 3.0, 3.4)])[:1]
    assert long.strip() in cue.lines or "see" in cue.lines


def test_gap_is_a_short_cue_that_says_until_when():
    words = [word(" Before.", 0.0, 1.0), word(" After.", 75.0, 76.0)]
    found = shown(words, gaps=[Gap(start_s=1.0, end_s=75.0, reason="the model crashed")])
    assert [cue.lines for cue in found] == [("Before.",), ("[… → 00:01:15]",), ("After.",)]
    assert found[1].end_s - found[1].start_s <= 3.0


def test_no_cue_goes_on_over_a_gap_or_a_long_pause():
    words = [word(" one", 0.0, 0.5), word(" two", 1.0, 1.5), word(" three", 4.0, 4.5)]
    found = shown(words, gaps=[Gap(start_s=0.5, end_s=1.0, reason="r")])
    assert [cue.lines for cue in found] == [("one",), ("two",), ("three",)]


def test_right_to_left_text_passes_through_as_it_is():
    (cue,) = shown(spoken(" هل هذا صحيح؟"), "ar")
    assert cue.lines == ("هل هذا صحيح؟",)


HOSTILE = Cue(start_s=3661.5, end_s=3662.0, lines=("<b>AT&T</b> --> a < b", "<script>{\\an8}"))


def test_vtt_text_is_escaped():
    text = to_vtt([HOSTILE], "en", "transcribed")
    assert text.startswith("WEBVTT\n\nNOTE\nLanguage: en\nKind: transcribed\n\n")
    assert text.endswith(
        "\n\n01:01:01.500 --> 01:01:02.000\n"
        "&lt;b&gt;AT&amp;T&lt;/b&gt; --&gt; a &lt; b\n&lt;script&gt;{\\an8}\n"
    )


def test_srt_holds_nothing_that_a_player_takes_for_a_tag_or_an_arrow():
    assert to_srt([HOSTILE]) == (
        "1\n01:01:01,500 --> 01:01:02,000\n‹b›AT&T‹/b› --› a < b\n‹script›(\\an8}\n"
    )


def test_files_without_cues_are_valid():
    assert to_vtt([], "en", "transcribed").startswith("WEBVTT\n\n")
    assert to_srt([]) == ""


@settings(max_examples=60, deadline=None)
@given(timed_words())
def test_no_word_can_break_a_file(words):
    found = shown(words)
    for text in (to_srt(found), to_vtt(found, "en", "transcribed")):
        blocks = text.rstrip("\n").split("\n\n")
        arrows = [line for line in text.split("\n") if "-->" in line]
        assert len(arrows) == len(found)
        assert len(blocks) == (len(found) or 1) if text[:1] != "W" else len(found) + 2
