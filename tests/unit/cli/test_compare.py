"""Where two transcripts of one video differ."""

from hypothesis import given
from hypothesis import strategies as st

from ops.cli.side_by_side import as_record, side_by_side
from ops.replay.compare import compare
from ops.replay.transcripts import StoredTranscript
from schemas.events import VideoUploaded, Word

TALKS = st.lists(st.sampled_from(["a", "b", "c", "d,", "E."]), max_size=12)


def words(text: str) -> tuple[Word, ...]:
    """A word each second."""
    return tuple(
        Word(text=f" {word}", start_s=float(n), end_s=n + 0.8, probability=1.0)
        for n, word in enumerate(text.split())
    )


def test_what_is_said_otherwise_is_told_with_its_time_and_the_words_around() -> None:
    comparison = compare(
        words("It is hard to wreck a nice beach in the dark"),
        words("It is hard to recognise speech in the dark"),
    )

    (difference,) = comparison.differences
    assert (difference.old, difference.new) == ("wreck a nice beach", "recognise speech")
    assert (difference.before, difference.after) == ("is hard to", "in the dark")
    assert (difference.start_s, difference.end_s) == (4.0, 7.8)
    assert (comparison.substituted, comparison.deleted, comparison.inserted) == (2, 2, 0)
    assert comparison.same == 7
    assert comparison.share == 4 / 11


def test_neither_case_nor_punctuation_is_a_difference() -> None:
    comparison = compare(words("Hello, World! It’s – fine"), words("hello world its fine."))

    assert comparison.differences == ()
    assert (comparison.same, comparison.share) == (4, 0.0)


def test_one_side_may_say_nothing() -> None:
    nothing, something = compare((), words("a b")), compare(words("x a b"), words("a b"))

    assert [(d.old, d.new) for d in nothing.differences] == [("", "a b")]
    assert nothing.share == 1.0
    assert [(d.old, d.new, d.start_s) for d in something.differences] == [("x", "", 0.0)]
    assert compare((), ()).share == 0.0


def test_differences_with_hardly_a_word_between_them_are_one() -> None:
    near = compare(words("a b c d e"), words("a x c y e"))
    far = compare(words("a b c d e f g"), words("a x c d e y g"))

    assert [(d.old, d.new) for d in near.differences] == [("b c d", "x c y")]
    assert [(d.old, d.new) for d in far.differences] == [("b", "x"), ("f", "y")]


@given(TALKS, TALKS)
def test_the_counts_add_up_and_are_mirrored(old: list[str], new: list[str]) -> None:
    there = compare(words(" ".join(old)), words(" ".join(new)))
    back = compare(words(" ".join(new)), words(" ".join(old)))

    assert there.same + there.substituted + there.deleted == len(old)
    assert there.same + there.substituted + there.inserted == len(new)
    assert 0.0 <= there.share <= 1.0
    changes = there.substituted + there.deleted + there.inserted
    assert back.substituted + back.deleted + back.inserted == changes
    assert bool(there.differences) == bool(changes)


def test_both_are_shown_side_by_side_in_the_width_of_a_terminal() -> None:
    old = StoredTranscript(1, "en", ("tiny.en",), words("one two three four five six seven"))
    new = StoredTranscript(
        2, "en", ("/models/" + "m" * 60,), words("one two tree four five six \x1b[31m")
    )
    comparison = compare(old.words, new.words)
    upload = VideoUploaded(video_id="v", source="v.mp4", name="v.mp4")

    lines = list(side_by_side(upload, old, new, comparison))

    assert lines[0] == "v.mp4  28.6% of the words differ"
    assert lines[1] == "2 substituted, 0 deleted, 0 inserted, 5 the same"
    assert all(len(line) <= 80 for line in lines)
    assert lines[4].index("[three]") < lines[4].index("[tree]")
    assert lines[4].split()[0] == "0:02"
    assert not any("\x1b" in line for line in lines)
    record = as_record(upload, old, new, comparison)
    assert (record["old"]["revision"], record["new"]["revision"], record["share"]) == (1, 2, 0.2857)
    assert record["differences"][0]["old"] == "three"
