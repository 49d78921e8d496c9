"""The result files of a video: which there are, what stands in them, that they are the same again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from random import Random

import jsonschema
import pytest

from processors.aggregator.texts.chapters import chapters
from processors.aggregator.texts.pieces import Hole, Piece
from processors.aggregator.texts.plain import to_txt
from processors.aggregator.texts.results import Video, render
from processors.aggregator.texts.summary import summary
from processors.aggregator.texts.timeline import timeline
from processors.aggregator.texts.transcript import join
from schemas.captions import Cue
from schemas.events import Gap, StageTime, Task
from tests.unit.texts.talks import piece, spoken, transcript_of, word

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LITTLE_WORDS = (
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "that",
    "it",
    "is",
    "for",
    "on",
    "as",
    "we",
    "this",
    "so",
)
TOPICS = {
    "volcano": (
        "volcano",
        "lava",
        "eruption",
        "magma",
        "crater",
        "ash",
        "mountain",
        "heat",
        "rock",
        "island",
    ),
    "orchestra": (
        "orchestra",
        "violin",
        "conductor",
        "symphony",
        "melody",
        "score",
        "cello",
        "audience",
    ),
    "football": ("football", "goal", "referee", "stadium", "striker", "league", "penalty", "whistle"),
}


def lecture(topics: list[str], topic_s: float, random: Random) -> list[Piece]:
    """A talk on one topic after the other, in segments of a minute."""
    words, segments, at_s = [], [], 0.0
    for topic in topics:
        end_s = at_s + topic_s
        while at_s < end_s:
            text = [
                random.choice(TOPICS[topic] if random.random() < 0.35 else LITTLE_WORDS)
                for _ in range(12)
            ]
            sentence = spoken(" " + " ".join(text) + ".", start_s=at_s)
            words += sentence
            at_s = sentence[-1].end_s + 0.3
    for n in range(int(at_s // 60) + 1):
        mine = [w for w in words if 60 * n <= w.start_s < 60 * n + 60]
        keywords = [topic for topic in TOPICS if any(w.text == f" {topic}" for w in mine)]
        segments.append(piece(mine, n, keywords=keywords))
    return segments


def video(duration_s: float = 60.0, **rest) -> Video:
    return Video(video_id="v1", revision=3, name="talk: 日本.mp4", duration_s=duration_s, **rest)


def pieces() -> Iterator[Piece | Hole]:
    yield piece(spoken(" Hello there. This is the"), 0, keywords=["talk"])
    yield piece(spoken(" first talk.", start_s=2.5), 1, keywords=["Talk"])
    yield Hole(index=2, start_s=10.0, end_s=40.0, reason="the model crashed")
    yield replace(
        piece(spoken(" The end.", start_s=40.5), 3), stages=(stage("transcriber", 3, 1, 2, 4),)
    )


def stage(
    name: str, index: int | None, queued: float, began: float, ended: float, *, host: str = "h"
) -> StageTime:
    at = [NOON + timedelta(seconds=s) for s in (queued, began, ended)]
    return StageTime(
        stage=name, index=index, queued_at=at[0], began_at=at[1], ended_at=at[2], attempt=1, host=host
    )


def test_video_with_speech_has_all_files():
    assert sorted(render(video(), pieces()).files) == [
        "captions.en.transcribed.srt",
        "captions.en.transcribed.vtt",
        "summary.json",
        "timeline.json",
        "transcript.json",
        "transcript.txt",
    ]


def test_video_without_words_has_documents_but_no_captions():
    results = render(video(), [piece((), language="und")], ["the video has no sound"])
    assert sorted(results.files) == [
        "summary.json",
        "timeline.json",
        "transcript.json",
        "transcript.txt",
    ]
    document = json.loads(results.files["transcript.json"])
    assert (document["language"], document["words"]) == ("und", [])
    assert document["warnings"] == ["the video has no sound"]
    assert results.files["transcript.txt"] == b""


def test_translated_captions_are_named_so():
    assert "captions.en.translated.vtt" in render(video(task=Task.TRANSLATE), pieces()).files


def test_corrected_captions_stand_beside_the_transcribed_ones_in_both_formats():
    corrected = {"en": (Cue(start_s=1.5, end_s=3.0, lines=("Tom & Jerry",)),)}

    plain = render(video(), pieces()).files
    files = render(video(corrected=corrected), pieces()).files

    assert {name: files[name] for name in plain} == dict(plain)
    assert set(files) - set(plain) == {"captions.en.corrected.vtt", "captions.en.corrected.srt"}
    assert files["captions.en.corrected.srt"] == b"1\n00:00:01,500 --> 00:00:03,000\nTom & Jerry\n"
    assert b"Kind: corrected" in files["captions.en.corrected.vtt"]
    assert b"Tom &amp; Jerry" in files["captions.en.corrected.vtt"]


def test_language_never_leads_a_file_out_of_its_folder():
    results = render(video(), [piece(spoken(" Hi."), language="../en")])
    assert "captions.und.transcribed.srt" in results.files


def test_transcript_follows_its_schema():
    schema = json.loads((files("schemas") / "json" / "transcript.schema.json").read_text("utf-8"))
    document = json.loads(render(video(), pieces(), ["w"]).files["transcript.json"])
    jsonschema.Draft202012Validator(schema).validate(document)
    assert list(document) == schema["required"]
    assert document["name"] == "talk: 日本.mp4"
    assert "".join(w["text"] for w in document["words"][:7]) == " Hello there. This is the first talk."
    assert document["sentences"][1]["text"] == "This is the first talk."
    assert document["sentences"][1]["speaker"] is None
    assert document["gaps"] == [{"start_s": 10.0, "end_s": 40.0, "reason": "the model crashed"}]
    assert document["keywords"] == [{"text": "talk", "score": 1.0}]


def test_files_are_the_same_bytes_whichever_order_pieces_come_in():
    talk = lecture(["volcano", "orchestra", "football"], 240, Random(5))
    first = render(video(720), talk).files
    assert "chapters.vtt" in first
    assert render(video(720), Random(1).sample(talk, len(talk))).files == first


def test_only_the_timeline_knows_of_revision_time_host_and_attempt():
    once = render(video(), pieces()).files
    again = render(
        replace(video(), revision=4, stages=(stage("converter", None, 0, 5, 9),)),
        [replace(p, stages=(stage("transcriber", p.index, 7, 8, 9, host="other"),)) for p in pieces()],
    ).files
    assert [name for name in once if once[name] != again[name]] == ["timeline.json"]


def test_documents_have_one_word_on_each_line():
    lines = render(video(), pieces()).files["transcript.json"].decode().splitlines()
    assert sum('"probability"' in line for line in lines) == 9


def test_plain_text_has_paragraphs_and_names_gaps():
    text = render(video(), pieces()).files["transcript.txt"].decode()
    assert text == (
        "Hello there. This is the first talk.\n\n"
        "[no transcript from 0:10 to 0:40: the model crashed]\n\n"
        "The end.\n"
    )


def test_long_paragraphs_end_at_pauses():
    transcript = transcript_of(" This sentence goes on and on, and then it ends." * 60)
    lengths = [len(line) for line in to_txt(transcript).split("\n\n")]
    assert len(lengths) > 1
    assert max(lengths) < 1400


def test_plain_text_names_a_gap_at_the_end_too():
    transcript = replace(transcript_of(" Hi."), gaps=(Gap(start_s=3700.0, end_s=3800.0, reason="r\nr"),))
    assert to_txt(transcript) == "Hi.\n\n[no transcript from 1:01:40 to 1:03:20: r r]\n"


@pytest.mark.parametrize("seed", range(3))
def test_chapters_begin_where_the_topic_changes(seed):
    topics = ["volcano", "orchestra", "football", "volcano"]
    talk = lecture(topics, 200, Random(seed))
    found = chapters(join(talk), ["volcano", "orchestra", "football"], 800)
    assert [chapter.title for chapter in found] == ["Volcano", "Orchestra", "Football", found[3].title]
    assert [c.start_s for c in found] == pytest.approx([0, 200, 400, 600], abs=25)
    assert [c.end_s for c in found[:-1]] == [c.start_s for c in found[1:]]
    assert found[-1].end_s >= 800


def test_chapters_are_found_in_scripts_without_spaces():
    text = "火山喷发的岩浆流到岛上。火山的岩浆很热。" * 25 + "乐团演奏交响曲。小提琴手听指挥。" * 30
    transcript = transcript_of(text, "zh", letters_per_s=10)
    found = chapters(transcript, ["火山", "乐团"], 600)
    assert [chapter.title for chapter in found] == ["火山", "乐团"]


def test_short_videos_and_videos_about_one_thing_have_no_chapters():
    three = lecture(["volcano", "orchestra", "football"], 90, Random(1))
    assert chapters(join(three), ["volcano"], 270) == ()
    one = lecture(["volcano"], 900, Random(1))
    assert chapters(join(one), ["volcano"], 900) == ()


def test_chapter_without_a_keyword_is_named_after_its_beginning():
    talk = lecture(["volcano", "football"], 240, Random(2))
    found = chapters(join(talk), [], 480)
    text = join(talk).words[0].text.strip()
    assert found[0].title.startswith(text)
    assert all(0 < len(chapter.title) <= 49 for chapter in found)


def test_summary_is_some_sentences_of_the_transcript_in_their_order():
    transcript = join(lecture(["volcano", "orchestra", "football"], 120, Random(3)))
    found = summary(transcript)
    assert 3 <= len(found) <= 10
    assert set(found) <= set(transcript.sentences)
    assert list(found) == sorted(found, key=lambda sentence: sentence.start_s)


def test_summary_tells_the_main_topic_and_nothing_twice():
    text = (
        " Kafka keeps every message in a log on disk. A consumer reads the log of messages from its"
        " offset. My cat likes to sleep on the warm windowsill. Kafka keeps every message in a log on"
        " the disk. Every consumer group keeps its own offset in the log. The log on disk is cut into"
        " segments of messages. Bananas are yellow when they are really ripe."
    )
    texts = [sentence.text for sentence in summary(transcript_of(text))]
    assert not any("cat" in text or "Bananas" in text for text in texts)
    assert sum("Kafka keeps every message" in text for text in texts) <= 1


def test_summary_of_little_is_nothing():
    assert summary(transcript_of(" One sentence is not much of a talk at all.")) == ()


def test_timeline_tells_waiting_and_working_time_of_every_stage():
    converter = [stage("converter", n, 0, 1, 3 + n) for n in range(2)]
    transcriber = [
        stage("transcriber", 0, 3, 5, 9, host="a"),
        stage("transcriber", 1, 4, 5, 12, host="b"),
    ]
    times = timeline([*transcriber, *converter, *transcriber])
    first, second = times.stages
    assert (first.stage, first.pieces, first.waiting_s, first.working_s) == ("converter", 2, 1.0, 3.0)
    assert (second.stage, second.pieces, second.waiting_s, second.working_s) == (
        "transcriber",
        2,
        3.0,
        11.0,
    )
    assert (second.longest_wait_s, second.busy_s) == (2.0, 7.0)
    assert (times.uploaded_at, times.elapsed_s, times.first_words_s) == (NOON, 12.0, 9.0)
    assert len(times.work) == 4


def test_timeline_of_nothing_is_empty():
    document = json.loads(render(video(), []).files["timeline.json"])
    assert (document["uploaded_at"], document["first_words_s"], document["work"]) == (None, None, [])


def test_timeline_document_names_every_piece_of_work():
    document = json.loads(render(video(), pieces()).files["timeline.json"])
    assert document["work"] == [
        {
            "stage": "transcriber",
            "index": 3,
            "queued_at": "2026-03-01T12:00:01.000Z",
            "began_at": "2026-03-01T12:00:02.000Z",
            "ended_at": "2026-03-01T12:00:04.000Z",
            "waiting_s": 1.0,
            "working_s": 2.0,
            "attempt": 1,
            "host": "h",
        }
    ]
    assert document["revision"] == 3


def test_words_at_one_time_are_rendered_too():
    crammed = [word(" word", 5.0, 5.0)] * 100
    assert "captions.en.transcribed.vtt" in render(video(), [piece(crammed)]).files
