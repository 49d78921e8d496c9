"""Search over 10,000 transcripts of 2,000 words, in both databases."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from connectors.database import Catalogue, Spoken, State, VideoDetail, VideoRow, open_catalogue
from connectors.settings import Connections
from ops.benchmarks.figures import Figure, Repeats, below
from ops.cluster.errors import ToolMissing
from ops.cluster.postgres import PostgresServer
from schemas.events import Options

_VIDEOS = 10_000
_WORDS = 2_000
_VOCABULARY = 50_000
_SENTENCE_WORDS = (4, 20)
_WORD_S = 0.4
_QUERIES = 60
_A_BATCH = 20
_FROM = datetime(2023, 1, 1, tzinfo=UTC)
_APART = timedelta(hours=2)
_SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u", "ai")]


def measure(long: bool) -> list[Figure]:
    """Takes about a quarter of an hour, most of it for filling the databases."""
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="reelay-bench-") as home, ExitStack() as servers:
        figures += _measure("SQLite", f"sqlite://{Path(home, 'catalogue.sqlite3')}")
        try:
            server = servers.enter_context(PostgresServer())
        except ToolMissing as error:
            return [*figures, Figure("search in PostgreSQL", str(error))]
        figures += _measure("PostgreSQL", server.url)
    return figures


def _measure(name: str, url: str) -> list[Figure]:
    catalogue = open_catalogue(
        Connections.only(kafka_brokers="-", store_url="file:///-", database_url=url)
    )
    began_s = time.monotonic()
    _fill(catalogue)
    filled_s = time.monotonic() - began_s
    figures = [Figure(f"{name}: transcripts indexed a second", f"{_VIDEOS / filled_s:.0f}")]
    for kind, queries in _queries().items():
        times = Repeats(sorted(_ask_ms(catalogue, query) for query in queries))
        late = times.values[int(len(times.values) * 0.95)]
        figures.append(below(f"{name}: {kind}, median", times.median, 100, "ms", ".0f"))
        figures.append(below(f"{name}: {kind}, 95 of 100 within", late, 500, "ms", ".0f"))
    catalogue.close()
    return figures


def _ask_ms(catalogue: Catalogue, query: str) -> float:
    began_s = time.monotonic()
    catalogue.search(query)
    return 1000 * (time.monotonic() - began_s)


def _queries() -> dict[str, Sequence[str]]:
    """By kind, different ones, the same for both databases."""
    words, dice = _vocabulary(), random.Random(1)

    def some(first: int, last: int) -> list[str]:
        return [words[dice.randrange(first, last)] for _ in range(_QUERIES)]

    common, rare = some(0, 50), some(20_000, _VOCABULARY)
    middling = some(200, 5_000)
    return {
        "rare words": rare,
        "middling words": middling,
        "common words": common,
        "two common words": [f"{a} {b}" for a, b in zip(common, some(0, 50), strict=True)],
        "a common and a rare word": [f"{a} {b}" for a, b in zip(common, rare, strict=True)],
        "two middling words": [f"{a} {b}" for a, b in zip(middling, some(200, 5_000), strict=True)],
        "phrases of two common words": [f'"{a} {b}"' for a, b in zip(common, some(0, 50), strict=True)],
        "beginnings of three letters": [f"{word[:3]}*" for word in middling],
    }


def _fill(catalogue: Catalogue) -> None:
    videos = iter(range(_VIDEOS))
    while numbers := list(islice(videos, _A_BATCH)):
        with catalogue.batch() as batch:
            for number in numbers:
                detail = _detail(number)
                batch.show(detail)
                batch.index(detail.row.video_id, 1, _sentences(number))


def _detail(number: int) -> VideoDetail:
    row = VideoRow(
        video_id=f"video-{number}",
        revision=1,
        name=f"talk {number}.mp4",
        state=State.COMPLETED,
        uploaded_at=_FROM + number * _APART,
    )
    return VideoDetail(row=row, shown_revision=1, revisions=(), source="", options=Options())


def _sentences(number: int) -> Iterator[Spoken]:
    """Words as often as in natural language: the n-th commonest one n times as rarely (Zipf)."""
    dice = np.random.default_rng(number)
    vocabulary = _vocabulary()
    weights = 1 / np.arange(1, _VOCABULARY + 1)
    words = [vocabulary[n] for n in dice.choice(_VOCABULARY, _WORDS, p=weights / weights.sum())]
    at = 0
    while at < _WORDS:
        end = min(at + int(dice.integers(*_SENTENCE_WORDS, endpoint=True)), _WORDS)
        text = " ".join(words[at:end]).capitalize() + "."
        yield Spoken(at * _WORD_S, end * _WORD_S, text, "en")
        at = end


def _vocabulary() -> Sequence[str]:
    """Made-up words, common ones short."""
    if not _made:
        dice, seen = random.Random(0), set[str]()
        while len(_made) < _VOCABULARY:
            syllables = 1 + (len(_made) > 40) + (len(_made) > 2_000) + dice.randrange(2)
            word = "".join(dice.choice(_SYLLABLES) for _ in range(syllables))
            if word not in seen:
                seen.add(word)
                _made.append(word)
    return _made


_made: list[str] = []
