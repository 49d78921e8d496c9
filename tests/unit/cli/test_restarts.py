"""When what died is started again."""

from ops.pipeline.restarts import Patience, Restarts


def test_pauses_double_up_to_the_longest() -> None:
    restarts = Restarts(Patience(None, first_pause_s=0.5, longest_pause_s=4), began_at=0)

    assert [restarts.pause_s(1) for _ in range(6)] == [0.5, 1, 2, 4, 4, 4]


def test_there_is_no_busy_loop_after_weeks_of_failing() -> None:
    restarts = Restarts(Patience(None), began_at=0)

    assert {restarts.pause_s(1) for _ in range(5000)} >= {60.0}


def test_after_some_times_in_a_row_there_is_no_more_use() -> None:
    restarts = Restarts(Patience(2), began_at=0)

    assert [restarts.pause_s(1) is None for _ in range(4)] == [False, False, True, True]


def test_what_ran_well_for_a_while_counts_anew() -> None:
    restarts = Restarts(Patience(1, well_after_s=60), began_at=0)
    assert restarts.pause_s(1) == 0.5

    restarts.began_at = 10

    assert restarts.pause_s(69) is None
    assert restarts.pause_s(70) == 0.5
