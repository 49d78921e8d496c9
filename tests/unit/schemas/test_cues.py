"""Caption files as people write them, and what is said of those with mistakes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.aggregator.texts.captions import to_srt, to_vtt
from schemas.captions import Cue, dump_captions, load_captions
from schemas.cues import BadCaptions, Format, read_cues

VTT = """WEBVTT - made by hand
Kind: captions

NOTE
A remark --
goes on.

STYLE
::cue { color: red }

1
00:01.000 --> 00:02.500 align:start position:10%
<v Mary>Tom &amp; <i>Jerry</i>
second line

01:00:00.000 --> 01:00:01.000
late
"""
SRT = (
    "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n<b>Tom & Jerry</b>\r\n\r\n"
    "2\r\n00:00:03,000 --> 00:00:04,000\r\n{\\an8}up\r\n"
)


def test_webvtt_is_read_with_comments_settings_tags_and_escapes() -> None:
    assert read_cues(VTT.encode(), "vtt") == (
        Cue(start_s=1.0, end_s=2.5, lines=("Tom & Jerry", "second line")),
        Cue(start_s=3600.0, end_s=3601.0, lines=("late",)),
    )


def test_subrip_is_read_with_byte_order_mark_line_ends_of_windows_and_tags() -> None:
    assert read_cues(SRT.encode(), "srt") == (
        Cue(start_s=1.0, end_s=2.5, lines=("Tom & Jerry",)),
        Cue(start_s=3.0, end_s=4.0, lines=("up",)),
    )


def test_a_line_stays_one_line_whatever_its_escapes_name() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\none&#10;&NewLine;&#xd;00:03.000 --&gt; 00:04.000\n"

    (cue,) = cues = read_cues(text.encode(), "vtt")

    assert cue.lines == ("one   00:03.000 --> 00:04.000",)
    assert len(read_cues(to_srt(cues).encode(), "srt")) == 1


@pytest.mark.parametrize(
    ("format", "text", "line", "what"),
    [
        ("vtt", "00:01.000 --> 00:02.000\nhello", 1, "begins with WEBVTT"),
        ("vtt", "", 1, "begins with WEBVTT"),
        ("vtt", "WEBVTT\n\nhello\n", 3, "times are missing"),
        ("vtt", "WEBVTT\n\n00:01.000 -> 00:02.000\nhello\n", 3, "times are missing"),
        ("vtt", "WEBVTT\n\n00:02.000 --> 00:01.000\nhello\n", 3, "must end after it begins"),
        ("vtt", "WEBVTT\n\nx\n00:01.000 --> 0x:02.000\nhello\n", 4, "is no time"),
        ("vtt", f"WEBVTT\n\n00:01.000 --> 00:02.000\n&#{'9' * 5000};\n", 4, "is no character"),
        ("srt", "1\n00:00:01,000 --> 00:61:02,000\nhello\n", 2, "is no time"),
        ("srt", "00:00:01,000 --> 00:00:02,000\na\n2\n00:00:03,000 --> 00:00:04,000\n", 4, "empty line"),
        ("srt", "1\n00:00:01,000 -->\nhello\n", 2, "expected two times"),
        ("srt", "1\n00:00:01,000 --> 00:00:02,000\n\n", 1, "no caption with text"),
        ("srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "x" * 3000, 2, "characters at most"),
        ("srt", "1\n00:00:01,000 --> 1001:00:02,000\nx", 2, "later than any video"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(format: Format, text: str, line: int, what: str) -> None:
    with pytest.raises(BadCaptions, match=what) as caught:
        read_cues(text.encode(), format)
    assert caught.value.line == line


def test_a_file_in_another_encoding_is_told_so_with_the_line() -> None:
    with pytest.raises(BadCaptions, match="UTF-8") as caught:
        read_cues("WEBVTT\n\n00:01.000 --> 00:02.000\nÜber\n".encode("latin-1"), "vtt")
    assert caught.value.line == 4


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<>{}"), min_size=1
)
ms = st.integers(1, 10**8)


@given(st.lists(st.tuples(ms, ms, st.lists(words, min_size=1, max_size=3)), min_size=1))
def test_what_is_written_reads_back(said: list[tuple[int, int, list[str]]]) -> None:
    cues = tuple(
        sorted(
            (
                Cue(start_s=at / 1000, end_s=(at + lasts) / 1000, lines=tuple(lines))
                for at, lasts, lines in said
            ),
            key=lambda cue: (cue.start_s, cue.end_s),
        )
    )
    assert read_cues(to_vtt(cues, "en", "corrected").encode(), "vtt") == cues
    assert load_captions(dump_captions(cues)) == cues


@given(st.binary(max_size=200), st.sampled_from(["vtt", "srt"]))
def test_anything_else_is_refused_in_words(data: bytes, format: Format) -> None:
    for text in (data, b"WEBVTT\n\n" + data):
        with suppress(BadCaptions):
            read_cues(text, format)


def test_srt_that_we_write_reads_back() -> None:
    cues = (
        Cue(start_s=1.0, end_s=2.0, lines=("one", "two")),
        Cue(start_s=2.5, end_s=3.25, lines=("three",)),
    )
    assert read_cues(to_srt(cues).encode(), "srt") == cues
