"""The pool with real processes."""

import os
import time
from collections.abc import Iterator

import pytest

from connectors.settings import Connections
from processors.runtime.contract import Lane, Stage
from processors.runtime.pool import Died, Pool, Worker
from processors.runtime.wire import Probe, Ready, Task
from schemas.topics import VIDEO_UPLOADED

WITHIN_S = 60.0


def make(_: object) -> object:
    return object()


CONNECTIONS = Connections.only(kafka_brokers="unused:1", store_url="", log_level="ERROR")


def hang(_: object) -> None:
    time.sleep(3600)


def leave_a_child(_: object) -> None:
    if os.fork() == 0:  # it holds the worker's end of the pipe
        time.sleep(3600)
    os.abort()


@pytest.fixture
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    stage = Stage("g", (Lane(VIDEO_UPLOADED),), make, None, make, request.param)  # type: ignore[arg-type]
    pool = Pool(stage, 1, CONNECTIONS, max_silence_s=WITHIN_S)
    yield pool
    pool.close()


def give(worker: Worker, *tasks: Task) -> None:
    for task in tasks:
        worker.give(task)
    worker.send_given()


def first_reply(pool: Pool) -> object:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        for _, task, reply in pool.wait(0.05):
            return task, reply
    raise AssertionError("nobody said anything")


@pytest.mark.parametrize("pool", [leave_a_child], indirect=True)
def test_a_worker_that_leaves_a_child_behind_is_dead_all_the_same(pool: Pool) -> None:
    assert first_reply(pool) == (None, Ready())
    give(pool.workers[0], Probe(1))
    assert first_reply(pool) == (Probe(1), Died("SIGABRT"))


@pytest.mark.parametrize("pool", [hang], indirect=True)
def test_a_worker_that_hangs_is_ended_and_replaced_and_an_idle_one_is_not(pool: Pool) -> None:
    assert first_reply(pool) == (None, Ready())
    first = pool.workers[0]
    pool._max_silence_s = 0.1
    quiet_until = time.monotonic() + 0.3
    while time.monotonic() < quiet_until:
        assert not list(pool.wait(0.05))
    give(first, Probe(1))
    assert first_reply(pool) == (Probe(1), Died("SIGKILL"))
    assert pool.workers[0] is not first
    pool._max_silence_s = WITHIN_S
    assert first_reply(pool) == (None, Ready())
