"""What can be searched of a transcript, as it was heard or as people corrected it."""

from itertools import pairwise

import pytest

from processors.catalog.transcripts import corrected_sentences, sentences_of
from tests.unit.catalog.videos import transcript

CHINESE = [chr(0x4E00 + n) for n in range(900)]


def srt(*texts: str) -> bytes:
    """Each text for three seconds."""
    cues = (f"{n + 1}\n{_time(3 * n)} --> {_time(3 * n + 2)}\n{text}\n" for n, text in enumerate(texts))
    return "\n".join(cues).encode()


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},000"


def test_corrected_captions_without_punctuation_or_spaces_are_near_where_they_are_said() -> None:
    cues = ["".join(CHINESE[n : n + 9]) for n in range(0, 900, 9)]
    sentences = corrected_sentences("zh", srt(*cues))
    assert "".join(one.text for one in sentences) == "".join(CHINESE)
    assert max(one.end_s - one.start_s for one in sentences) <= 30
    assert all(before.end_s < after.start_s for before, after in pairwise(sentences))


@pytest.mark.parametrize(
    ("cues", "text"),
    [
        (("今天天\n气很", "好。"), "今天天气很好。"),
        (("東京に", "行く"), "東京に行く"),
        (("ภาษา", "ไทย"), "ภาษาไทย"),
        (("한국어를", "배운다."), "한국어를 배운다."),
        (("我们用", "Kafka", "处理"), "我们用 Kafka 处理"),
        (("the quick\nbrown", "fox"), "the quick brown fox"),
    ],
)
def test_lines_and_cues_are_joined_as_their_script_is_written(cues: tuple[str, ...], text: str) -> None:
    (sentence,) = corrected_sentences("und", srt(*cues))
    assert sentence.text == text


def test_music_that_goes_on_for_long_is_no_single_sentence() -> None:
    assert len(corrected_sentences("en", srt(*["♪"] * 600))) == 10


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999", "1" + "0" * 400])
def test_a_transcript_with_times_that_are_none_is_none(number: str) -> None:
    document = transcript("alpha").replace(b'"end_s": 1.0', f'"end_s": {number}'.encode())
    with pytest.raises(ValueError, match="no t"):
        sentences_of(document)


def test_json_that_is_nested_too_deeply_is_no_transcript() -> None:
    with pytest.raises(ValueError, match="no transcript"):
        sentences_of(b"[" * 100_000)
