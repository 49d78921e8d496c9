"""What comes out is what was said, when it was said, whatever the file is like."""

import difflib
from itertools import pairwise
from statistics import median, quantiles

import jiwer
import pytest

from tests import media
from tests.e2e.command import Finished, cues, plain, words, written
from tests.e2e.conftest import HOLE_S, HOUR_S, LATE_S

pytestmark = pytest.mark.timeout(600)

SCRIPT = plain(media.SCRIPT)


def test_all_files_are_captioned(captioned: Finished) -> None:
    assert captioned.status == 0, captioned.stderr
    assert {record["outcome"] for record in captioned.lines.values()} == {"completed"}
    assert all(not record["gaps"] for record in captioned.lines.values())


@pytest.mark.parametrize("extension", media.FORMATS)
def test_three_words_in_a_hundred_at_most_are_wrong_in_any_format(
    captioned: Finished, extension: str
) -> None:
    record = captioned.lines[f"clip.{extension}"]

    heard = plain(written(record, "txt").read_text("utf-8"))

    assert jiwer.wer(SCRIPT, heard) <= 0.03, heard
    assert record["language"] == "en"
    assert abs(record["duration_s"] - 54.3) < 0.5


@pytest.mark.parametrize("extension", media.FORMATS)
def test_captions_start_when_their_sentence_is_heard(captioned: Finished, extension: str) -> None:
    captions = cues(captioned.lines[f"clip.{extension}"])

    errors = []
    for start_s, sentence in media.sentences():
        first_words = " ".join(plain(sentence).split()[:3])
        starts = [cue.start_s for cue in captions if plain(cue.text).startswith(first_words)]
        errors += [min(abs(start - start_s) for start in starts)] if starts else []

    assert len(errors) >= 9, "most sentences begin a caption of their own"
    assert median(errors) <= 0.1, errors
    assert quantiles(errors, n=10, method="inclusive")[-1] <= 0.3, errors


@pytest.mark.parametrize(
    ("name", "shift_s", "shift_after_pause_s"),
    [
        ("clip.mp4", 0, 0),
        ("clip.ts", 0, 0),
        ("vfr.mkv", 0, 0),
        ("late.mp4", LATE_S, LATE_S),
        ("late.mkv", LATE_S, LATE_S),
        ("hole.mp4", 0, HOLE_S),
        ("hour.mkv", HOUR_S, HOUR_S),
    ],
)
def test_word_times_follow_the_picture(
    captioned: Finished, name: str, shift_s: float, shift_after_pause_s: float
) -> None:
    expected = [
        (text, start_s + (shift_s if start_s < media.PAUSE_S else shift_after_pause_s))
        for text, start_s in words(captioned.lines["clip.wav"])
    ]
    found = words(captioned.lines[name])

    texts = difflib.SequenceMatcher(
        a=[text for text, _ in expected], b=[text for text, _ in found], autojunk=False
    )
    moved = [
        found[b + i][1] - expected[a + i][1]
        for a, b, size in texts.get_matching_blocks()
        for i in range(size)
    ]

    assert len(moved) >= 0.97 * len(expected)
    assert max(map(abs, moved)) <= 0.1


def test_an_hour_of_silence_has_no_words(captioned: Finished) -> None:
    assert words(captioned.lines["hour.mkv"])[0][1] > HOUR_S


def test_captions_keep_to_the_rules_of_the_craft(captioned: Finished) -> None:
    captions = cues(captioned.lines["clip.mp4"])

    assert all(cue.end_s - cue.start_s >= 5 / 6 - 0.001 for cue in captions)
    assert all(cue.end_s - cue.start_s <= 7.001 for cue in captions)
    assert all(a.end_s <= b.start_s for a, b in pairwise(captions))
    lines = written(captioned.lines["clip.mp4"], "srt").read_text("utf-8").splitlines()
    assert all(len(line) <= 42 for line in lines)


def test_every_kind_of_file_is_written(captioned: Finished) -> None:
    record = captioned.lines["vfr.mkv"]

    names = {file["path"].removeprefix(record["folder"] + "/") for file in record["files"]}

    captions_and_texts = {"vfr.en.srt", "vfr.en.vtt", "vfr.en.txt", "vfr.en.json"}
    assert names == captions_and_texts | {"summary.json", "timeline.json"}
    assert written(record, "vtt").read_text("utf-8").startswith("WEBVTT")


def test_progress_is_plain_lines_where_there_is_no_terminal(captioned: Finished) -> None:
    assert "\x1b" not in captioned.stderr
    assert "\r" not in captioned.stderr
