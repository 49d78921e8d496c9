"""The transcript as plain text for reading."""

from collections.abc import Iterator

from processors.aggregator.texts.transcript import Transcript, text_of
from schemas.events import Gap

LONG_PAUSE_S = 2.0
"""A pause after which a new paragraph begins in any case."""
SHORT_PAUSE_S = 0.7
"""A pause at which a long paragraph ends."""
LONG_PARAGRAPH = 600
"""Characters from which on a paragraph is long."""
LONGEST_PARAGRAPH = 1200
"""Characters after which a paragraph ends with the sentence."""


def to_txt(transcript: Transcript) -> str:
    """Paragraphs with an empty line between them, not wrapped; a line in brackets for each gap. Empty
    where nothing was said."""
    gaps = list(transcript.gaps)
    blocks = []
    for first, end in _paragraphs(transcript):
        while gaps and gaps[0].start_s < transcript.words[first].start_s:
            blocks.append(_gap_line(gaps.pop(0)))
        blocks.append(" ".join(text_of(transcript.words[first:end]).split()))
    blocks += map(_gap_line, gaps)
    return "".join(f"{block}\n" if n == 0 else f"\n{block}\n" for n, block in enumerate(blocks))


def clock(time_s: float) -> str:
    """A time as 1:02:03 or 2:03."""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _paragraphs(transcript: Transcript) -> Iterator[tuple[int, int]]:
    """Ranges of words."""
    gap_ends = iter(gap.end_s for gap in transcript.gaps)
    gap_end_s = next(gap_ends, float("inf"))
    first, length, end_s = 0, 0, 0.0
    for sentence in transcript.sentences:
        pause_s = sentence.start_s - end_s
        after_gap = sentence.start_s >= gap_end_s
        while sentence.start_s >= gap_end_s:
            gap_end_s = next(gap_ends, float("inf"))
        enough = length > LONGEST_PARAGRAPH or (length > LONG_PARAGRAPH and pause_s >= SHORT_PAUSE_S)
        if length and (after_gap or pause_s >= LONG_PAUSE_S or enough):
            yield first, sentence.first_word
            first, length = sentence.first_word, 0
        length += len(sentence.text)
        end_s = sentence.end_s
    if first < len(transcript.words):
        yield first, len(transcript.words)


def _gap_line(gap: Gap) -> str:
    reason = " ".join(gap.reason.split())
    return f"[no transcript from {clock(gap.start_s)} to {clock(gap.end_s)}: {reason}]"
