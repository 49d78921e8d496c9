"""Processes that race for objects. Apart from the tests, so that they start quickly."""

import multiprocessing
from multiprocessing.synchronize import Barrier as ProcessBarrier
from threading import Barrier

import connectors.objectstore.s3  # noqa: F401  # imported once for all racers
from connectors.objectstore import ObjectStore, open_store
from connectors.settings import Connections

RACERS = 8
ROUNDS = 50
_PATIENCE_S = 120


def key_of(number: int) -> str:
    """What is raced for in that round."""
    return f"results/{number}/outcome.json"


def race(store: ObjectStore, start: Barrier | ProcessBarrier, data: bytes) -> list[int]:
    """The rounds that this racer won."""
    won = []
    for number in range(ROUNDS):
        start.wait(timeout=_PATIENCE_S)
        if store.put_if_absent(key_of(number), data):
            won.append(number)
    return won


def race_of_processes(place: Connections) -> dict[int, list[int]]:
    """The rounds that each racer won; what it writes is its number."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    start, results = context.Barrier(RACERS), context.Queue()
    racers = [
        context.Process(target=_race, args=(place, start, me, results), daemon=True)
        for me in range(RACERS)
    ]
    for racer in racers:
        racer.start()
    won = dict(results.get(timeout=_PATIENCE_S) for _ in racers)
    for racer in racers:
        racer.join(timeout=_PATIENCE_S)
    return won


def _race(
    place: Connections,
    start: ProcessBarrier,
    me: int,
    results: "multiprocessing.Queue[tuple[int, list[int]]]",
) -> None:
    results.put((me, race(open_store(place), start, bytes([me]))))
