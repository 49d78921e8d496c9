"""The pool with real processes."""

import time
from collections.abc import Iterator

import pytest

from processors.runtime.contract import Lane, Stage
from processors.runtime.pool import Died, Pool
from processors.runtime.wire import Probe, Ready
from schemas.topics import VIDEO_UPLOADED

WITHIN_S = 20.0


def make(_: object) -> object:
    return object()


def hang(_: object) -> None:
    time.sleep(3600)


@pytest.fixture
def pool() -> Iterator[Pool]:
    stage = Stage("g", (Lane(VIDEO_UPLOADED),), make, None, make, hang)  # type: ignore[arg-type]
    pool = Pool(stage, 1, registry_url="", log_level="ERROR", max_silence_s=WITHIN_S)
    yield pool
    pool.close()


def first_reply(pool: Pool) -> object:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        for _, task, reply in pool.wait(0.05):
            return task, reply
    raise AssertionError("nobody said anything")


def test_a_worker_that_hangs_is_ended_and_replaced_and_an_idle_one_is_not(pool: Pool) -> None:
    assert first_reply(pool) == (None, Ready())
    first = pool.workers[0]
    pool._max_silence_s = 0.1
    quiet_until = time.monotonic() + 0.3
    while time.monotonic() < quiet_until:
        assert not list(pool.wait(0.05))
    pool.give(first, Probe())
    assert first_reply(pool) == (Probe(), Died("SIGKILL"))
    assert pool.workers[0] is not first
    pool._max_silence_s = WITHIN_S
    assert first_reply(pool) == (None, Ready())
