"""How words are counted as equal."""

from ops.benchmarks.speed import plain_words


def test_case_and_punctuation_are_no_word_errors() -> None:
    assert plain_words("The teacher's river,\nand then…") == "the teacher's river and then"
