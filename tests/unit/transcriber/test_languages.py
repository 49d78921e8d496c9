"""Declared and decided languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcriber.languages import (
    Decision,
    Heard,
    UnknownLanguage,
    decide,
    declared,
    dump_heard,
    load_heard,
    tag,
)

KNOWN = frozenset({"de", "en", "fr", "he", "jw", "no", "tl", "zh"})

heard = st.builds(
    Heard,
    st.floats(0.1, 30),
    st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), st.floats(0, 1)), min_size=1, max_size=4).map(
        lambda ranked: tuple(sorted(dict(ranked).items(), key=lambda pair: -pair[1]))
    ),
)


@pytest.mark.parametrize(
    ("given_tag", "code"),
    [
        ("de-CH", "de"),
        ("EN_us", "en"),
        ("zh-Hant-TW", "zh"),
        ("nb-NO", "no"),
        ("fil", "tl"),
        ("jv", "jw"),
    ],
)
def test_tags_with_regions_and_other_codes_are_understood(given_tag: str, code: str) -> None:
    assert declared(given_tag, KNOWN) == code


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(UnknownLanguage, match="'klingon' is not one that this model knows"):
        declared("klingon", KNOWN)
    with pytest.raises(UnknownLanguage, match=r"^.{,600}$"):
        declared("\x01" * 99_999, KNOWN)


def test_a_model_for_english_refuses_other_languages_and_says_what_to_do() -> None:
    assert declared("en-GB", frozenset({"en"})) == "en"
    with pytest.raises(UnknownLanguage, match=r"'de': this model knows English only.*--model"):
        declared("de", frozenset({"en"}))


def test_whispers_own_codes_become_standard_tags() -> None:
    assert tag("jw") == "jv"
    assert tag("de") == "de"


def test_nobody_speaking_decides_nothing() -> None:
    assert decide([]) == Decision("und", 0.0)


def test_the_first_sure_window_decides_after_music_and_before_a_foreign_one() -> None:
    music = Heard(20, (("zh", 0.3), ("en", 0.2)))
    german = Heard(15, (("de", 0.97), ("en", 0.01)))
    french = Heard(25, (("fr", 0.99), ("en", 0.0)))

    assert decide([music, german, french]) == Decision("de", 0.97)


def test_a_short_sentence_alone_is_not_enough() -> None:
    greeting = Heard(2, (("fr", 0.99), ("en", 0.01)))
    speech = Heard(15, (("de", 0.8), ("en", 0.1)))

    assert decide([greeting, speech]).language == "de"


def test_without_a_sure_window_the_most_probable_language_over_all_wins() -> None:
    assert decide([Heard(10, (("zh", 0.4), ("de", 0.35))), Heard(10, (("de", 0.5),))]).language == "de"


@given(st.lists(heard, max_size=8), st.lists(heard, max_size=8))
def test_whoever_has_heard_a_sure_window_agrees_whatever_comes_later(
    first: list[Heard], later: list[Heard]
) -> None:
    if any(window.sure for window in first):
        assert decide(first) == decide([*first, *later])


@given(st.lists(heard, max_size=5))
def test_what_was_heard_is_stored_and_read_back(windows: list[Heard]) -> None:
    assert load_heard(dump_heard(windows)) == tuple(windows)
