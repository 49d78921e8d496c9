"""How figures are shown."""

from ops.benchmarks.figures import Figure, Repeats, as_table, below


def test_repeats_are_shown_as_their_median_with_the_least_and_the_greatest() -> None:
    assert f"{Repeats([3.0, 1.0, 2.04]):.1f}" == "2.0 (1.0 to 3.0, 3 times)"


def test_a_single_measurement_claims_no_spread() -> None:
    assert f"{Repeats([3.0]):.1f}" == "3.0"


def test_a_figure_above_its_limit_is_said_to_miss_it() -> None:
    assert below("start", Repeats([4.0, 6.0, 7.0]), 5, "s").met is False
    assert below("start", 5.0, 5, "s") == Figure("start", "5.0 s", "at most 5 s", True)


def test_the_table_shows_what_has_an_aim_and_what_has_none() -> None:
    table = as_table([below("ratio", 0.7, 0.6, "", ".2f"), Figure("memory", "3 MB")])

    assert table.splitlines()[2:] == [
        "| ratio | 0.70 | at most 0.6 | **missed** |",
        "| memory | 3 MB |  |  |",
    ]
