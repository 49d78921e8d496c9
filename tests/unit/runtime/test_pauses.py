from processors.runtime.pauses import Pauses, Reason

A, B = ("t", 0), ("t", 1)


def test_a_partition_resumes_only_when_no_reason_is_left() -> None:
    pauses = Pauses()
    pauses.assigned([A, B])
    pauses.mark(A, Reason.WINDOW, True)
    pauses.mark(A, Reason.WORKERS_FULL, True)
    assert pauses.changes() == ({A}, set())
    pauses.mark(A, Reason.WINDOW, False)
    assert pauses.changes() == (set(), set())
    pauses.mark(A, Reason.WORKERS_FULL, False)
    assert pauses.changes() == (set(), {A})


def test_a_general_reason_pauses_partitions_that_come_later_too() -> None:
    pauses = Pauses()
    pauses.assigned([A])
    pauses.mark_general(Reason.DEPENDENCY_DOWN, True)
    assert pauses.changes() == ({A}, set())
    pauses.assigned([B])
    assert pauses.changes() == ({B}, set())
    assert pauses.count(Reason.DEPENDENCY_DOWN) == 2
    pauses.mark_general(Reason.DEPENDENCY_DOWN, False)
    assert pauses.changes() == (set(), {A, B})


def test_reasons_are_applied_again_when_a_partition_comes_back() -> None:
    pauses = Pauses()
    pauses.assigned([A])
    pauses.mark_general(Reason.DRAINING, True)
    pauses.mark(A, Reason.WINDOW, True)
    pauses.changes()
    pauses.gone([A])
    pauses.assigned([A])
    assert pauses.changes() == ({A}, set())
    assert not pauses.has(A, Reason.WINDOW)


def test_a_partition_that_went_is_neither_paused_nor_resumed() -> None:
    pauses = Pauses()
    pauses.assigned([A])
    pauses.mark(A, Reason.NOT_BEFORE, True)
    pauses.changes()
    pauses.gone([A])
    pauses.mark(A, Reason.NOT_BEFORE, False)
    assert pauses.changes() == (set(), set())
    assert pauses.count(Reason.NOT_BEFORE) == 0
