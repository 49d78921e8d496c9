"""The catalogue over either database: all that is the same for both."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice, pairwise

from pydantic import TypeAdapter

from connectors.database.analysis import fold, joined, tokens
from connectors.database.contract import (
    MAX_SENTENCES,
    SEGMENT,
    BadCursor,
    Fact,
    Hit,
    Move,
    Page,
    Place,
    Spoken,
    State,
    Superseded,
    VideoDetail,
    VideoRow,
)
from connectors.database.dialect import BEYOND, Dialect, IndexRow, Session, Wanted
from connectors.database.ids import ids_between, ids_in, milliseconds, slots
from connectors.database.queries import parse
from connectors.database.ranking import ranked, snippet
from schemas.events import StageTime

RANKED = 300
"""So many of the sentences that a query finds are ranked, the newest."""

_MAX_ROW_TOKENS = 500
_NO_CURSOR = "no cursor of ours"
_NO_CLUSTER = ""
_ALL = ""
"""No video has that id: who holds it begins anew."""

_TEXT = re.compile(r"[^\0\ud800-\udfff]*")

_ROW = TypeAdapter(VideoRow)
_DETAIL = TypeAdapter(VideoDetail)
_STAGES = TypeAdapter(tuple[StageTime, ...])

_SEGMENTS = (
    "(SELECT count(*) FROM facts f WHERE f.video_id = v.video_id AND f.revision = v.revision"
    f" AND f.kind = '{SEGMENT}')"
)


class DatabaseCatalogue:
    """A catalogue in a database of one kind or another."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def videos(
        self, *, state: State | None = None, limit: int = 50, after: str | None = None
    ) -> Page[VideoRow]:
        where, values = ("WHERE state = ?", [state.value]) if state else ("", [])
        before: Sequence[int | str] = () if after is None else _read_cursor(after, int, str)
        older = f"{'AND' if where else 'WHERE'} (uploaded_ms, video_id) < (?, ?)" if before else ""
        with self._dialect.reading() as session:
            total = session.rows(f"SELECT count(*) FROM videos {where}", *values)[0][0]
            rows = session.rows(
                f"SELECT summary, {_SEGMENTS}, uploaded_ms, video_id FROM videos v {where} {older}"
                " ORDER BY uploaded_ms DESC, video_id DESC LIMIT ?",
                *values,
                *before,
                limit + 1,
            )
        more = _cursor(rows[limit - 1][2:]) if len(rows) > limit else None
        return Page(tuple(_row(row[0], row[1]) for row in rows[:limit]), more, total)

    def video(self, video_id: str) -> VideoDetail | None:
        with self._dialect.reading() as session:
            rows = session.rows("SELECT detail, revision FROM videos WHERE video_id = ?", video_id)
            if not rows:
                return None
            segments = session.rows(
                "SELECT body FROM facts WHERE video_id = ? AND revision = ? AND kind = ?",
                video_id,
                rows[0][1],
                SEGMENT,
            )
        detail = _DETAIL.validate_json(rows[0][0])
        times = {time for (body,) in segments for time in _STAGES.validate_json(body)}
        return replace(
            detail,
            row=replace(detail.row, segments_done=max(detail.row.segments_done, len(segments))),
            stages=tuple(sorted(times.union(detail.stages), key=_when)),
        )

    def search(
        self,
        query: str,
        *,
        language: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 20,
        after: str | None = None,
    ) -> Page[Hit]:
        start, last_id = (0, None) if after is None else _read_cursor(after, int, int)
        if start < 0:
            raise BadCursor(_NO_CURSOR)
        terms = parse(query)
        if not terms:
            return Page((), None, 0)
        low, high = ids_between(since, until)
        wanted = Wanted(terms, None if language is None else _language_token(language), low, high)
        with self._dialect.reading() as session:
            found = self._dialect.newest(session, wanted, RANKED + 1)
            total = min(len(found), RANKED)
            best = ranked(found[:RANKED], terms)
            ids = [sentence.id for sentence in best]
            start = ids.index(last_id) + 1 if last_id in ids else start
            shown = best[start : start + limit]
            names = _names(session, {sentence.slot for sentence in shown})
        hits = tuple(
            Hit(
                video_id=row.video_id,
                revision=revision,
                name=row.name,
                language=sentence.language,
                start_s=sentence.start_s,
                end_s=sentence.end_s,
                snippet=snippet(sentence.text, terms),
            )
            for sentence in shown
            for row, revision in (names[sentence.slot],)
        )
        end = start + len(shown)
        more = _cursor((end, shown[-1].id)) if end < total else None
        return Page(hits, more, total, at_least=len(found) > RANKED)

    def offsets(self, cluster_id: str) -> Mapping[Place, int] | None:
        with self._dialect.reading() as session:
            if _cluster(session) != cluster_id:
                return None
            rows = session.rows("SELECT topic, number, next FROM offsets")
        return {(topic, number): offset for topic, number, offset in rows}

    @contextmanager
    def batch(self) -> "Iterator[DatabaseBatch]":
        with self._dialect.writing() as session:
            yield DatabaseBatch(session, self._dialect)

    def probe(self) -> None:
        with self._dialect.writing() as session:
            session.rows("INSERT INTO about VALUES ('probe', '') ON CONFLICT (name) DO NOTHING")
            session.rows("DELETE FROM about WHERE name = 'probe'")

    def close(self) -> None:
        self._dialect.close()


class DatabaseBatch:
    """Writes within one transaction."""

    def __init__(self, session: Session, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def advance(self, cluster_id: str, moves: Iterable[Move]) -> None:
        if _cluster(self._session) != cluster_id:
            raise Superseded("the offsets are of another cluster now")
        for move in moves:
            topic, number = move.place
            if move.start is None:
                stored = self._session.rows(
                    "INSERT INTO offsets (topic, number, next) VALUES (?, ?, ?)"
                    " ON CONFLICT (topic, number) DO NOTHING RETURNING next",
                    topic,
                    number,
                    move.end,
                )
            else:
                stored = self._session.rows(
                    "UPDATE offsets SET next = ? WHERE topic = ? AND number = ? AND next = ?"
                    " RETURNING next",
                    move.end,
                    topic,
                    number,
                    move.start,
                )
            if not stored:
                raise Superseded(f"{topic}/{number} is not at {move.start} any more")

    def hold(self, videos: Iterable[str]) -> set[str]:
        held = sorted(set(videos))
        self._dialect.hold(self._session, held)
        return {
            video_id
            for video_id in held
            if self._session.rows("SELECT 1 FROM deleted WHERE video_id = ?", video_id)
        }

    def facts(self, video_id: str) -> Sequence[Fact]:
        rows = self._session.rows(
            "SELECT revision, kind, number, rank, made_ms, body FROM facts"
            " WHERE video_id = ? AND kind <> ? ORDER BY revision, kind, number",
            video_id,
            SEGMENT,
        )
        return [
            Fact(
                video_id=video_id,
                revision=revision,
                kind=kind,
                number=number,
                rank=rank,
                made_ms=made_ms,
                body=body,
            )
            for revision, kind, number, rank, made_ms, body in rows
        ]

    def put(self, facts: Iterable[Fact]) -> None:
        self._session.many(
            "INSERT INTO facts (video_id, revision, kind, number, rank, made_ms, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (video_id, revision, kind, number) DO UPDATE"
            " SET rank = excluded.rank, made_ms = excluded.made_ms, body = excluded.body"
            " WHERE (excluded.rank, excluded.made_ms, excluded.body)"
            " < (facts.rank, facts.made_ms, facts.body)",
            [(*fact.key, fact.rank, fact.made_ms, fact.body) for fact in facts],
        )

    def drop_segments(self, video_id: str, revision: int) -> None:
        self._session.rows(
            "DELETE FROM facts WHERE video_id = ? AND revision = ? AND kind = ?",
            video_id,
            revision,
            SEGMENT,
        )

    def show(self, detail: VideoDetail) -> None:
        row = detail.row
        uploaded_ms = milliseconds(row.uploaded_at)
        there = self._session.rows(
            "SELECT slot, uploaded_ms FROM videos WHERE video_id = ?", row.video_id
        )
        summary, whole = _ROW.dump_json(row).decode(), _DETAIL.dump_json(detail).decode()
        if there and there[0][1] == uploaded_ms:
            self._session.rows(
                "UPDATE videos SET revision = ?, state = ?, summary = ?, detail = ?"
                " WHERE video_id = ? AND (summary <> ? OR detail <> ?)",
                row.revision,
                row.state.value,
                summary,
                whole,
                row.video_id,
                summary,
                whole,
            )
            return
        slot = next(
            slot
            for slot in slots(row.video_id, uploaded_ms)
            if not self._session.rows("SELECT 1 FROM videos WHERE slot = ?", slot)
        )
        self._session.rows(
            "INSERT INTO videos (video_id, slot, uploaded_ms, revision, state, summary, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (video_id) DO UPDATE SET slot = excluded.slot,"
            " uploaded_ms = excluded.uploaded_ms, revision = excluded.revision,"
            " state = excluded.state, summary = excluded.summary, detail = excluded.detail",
            row.video_id,
            slot,
            uploaded_ms,
            row.revision,
            row.state.value,
            summary,
            whole,
        )
        if there:
            self._move(there[0][0], slot)

    def indexed(self, video_id: str) -> int | None:
        rows = self._session.rows("SELECT indexed FROM videos WHERE video_id = ?", video_id)
        return rows[0][0] if rows else None

    def index(self, video_id: str, revision: int, sentences: Iterable[Spoken]) -> None:
        ((slot,),) = self._session.rows("SELECT slot FROM videos WHERE video_id = ?", video_id)
        self._dialect.remove(self._session, *ids_in(slot))
        self._dialect.add(self._session, _index_rows(slot, list(islice(sentences, MAX_SENTENCES))))
        self._session.rows("UPDATE videos SET indexed = ? WHERE video_id = ?", revision, video_id)

    def delete(self, video_id: str) -> None:
        self._forget(video_id)
        self._session.rows("INSERT INTO deleted VALUES (?) ON CONFLICT (video_id) DO NOTHING", video_id)

    def forget_offsets(self, decided: str, stored: Iterable[str]) -> None:
        kept = (decided, *stored)
        self._dialect.hold(self._session, [_ALL])
        self._set_cluster(_NO_CLUSTER)
        self._session.rows(
            f"DELETE FROM facts WHERE kind NOT IN ({', '.join('?' * len(kept))}) AND NOT EXISTS"
            " (SELECT 1 FROM facts d WHERE d.video_id = facts.video_id"
            " AND d.revision = facts.revision AND d.kind = ?)",
            *kept,
            decided,
        )

    def begin(self, cluster_id: str, videos: Iterable[str]) -> None:
        self._dialect.hold(self._session, [_ALL])
        if _cluster(self._session) == cluster_id:
            return
        kept = set(videos)
        for (video_id,) in self._session.rows("SELECT video_id FROM videos"):
            if video_id not in kept:
                self._forget(video_id)
        self._set_cluster(cluster_id)

    def _set_cluster(self, cluster_id: str) -> None:
        self._session.rows("DELETE FROM offsets")
        self._session.rows(
            "INSERT INTO about VALUES ('cluster', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            cluster_id,
        )

    def _forget(self, video_id: str) -> None:
        for (slot,) in self._session.rows("SELECT slot FROM videos WHERE video_id = ?", video_id):
            self._dialect.remove(self._session, *ids_in(slot))
        self._session.rows("DELETE FROM videos WHERE video_id = ?", video_id)
        self._session.rows("DELETE FROM facts WHERE video_id = ?", video_id)

    def _move(self, old: int, new: int) -> None:
        """The video's time of upload has become known: its sentences go where it lies."""
        rows = self._session.rows(
            "SELECT start_s, end_s, text, language FROM sentences WHERE id BETWEEN ? AND ? ORDER BY id",
            *ids_in(old),
        )
        self._dialect.remove(self._session, *ids_in(old))
        self._dialect.add(self._session, _index_rows(new, [Spoken(*row) for row in rows]))


def _index_rows(slot: int, sentences: Sequence[Spoken]) -> Iterator[IndexRow]:
    """Sentences with the tokens they are found by; phrases of one video never go on in another."""
    texts = [[token.text for token in tokens(spoken.text)][:_MAX_ROW_TOKENS] for spoken in sentences]
    for n, (before, after) in enumerate(pairwise(sentences)):
        if (bigram := joined(before.text, after.text)) is not None:
            texts[n][-1] = bigram.text
    first, _ = ids_in(slot)
    for n, spoken in enumerate(sentences):
        following = (token for text in texts[n + 1 : n + 1 + BEYOND] for token in text)
        yield IndexRow(
            first + n,
            spoken.start_s,
            spoken.end_s,
            spoken.text,
            spoken.language,
            texts[n],
            list(islice(following, BEYOND)),
            _language_tokens(spoken.language),
        )


def _names(session: Session, slots: Iterable[int]) -> dict[int, tuple[VideoRow, int]]:
    found = {}
    for slot in slots:
        ((summary, revision),) = session.rows("SELECT summary, indexed FROM videos WHERE slot = ?", slot)
        found[slot] = _ROW.validate_json(summary), revision
    return found


def _row(summary: str, segments: int) -> VideoRow:
    row = _ROW.validate_json(summary)
    return replace(row, segments_done=max(row.segments_done, segments))


def _cluster(session: Session) -> str:
    rows = session.rows("SELECT value FROM about WHERE name = 'cluster'")
    return rows[0][0] if rows else _NO_CLUSTER


def _language_tokens(language: str) -> list[str]:
    """As precise as it is, and the language alone: who looks for "pt" finds "pt-BR" too."""
    return sorted({_language_token(language), _language_token(language.partition("-")[0])} - {""})


def _language_token(language: str) -> str:
    return fold("".join(c for c in language if c.isalnum()))


def _when(time: StageTime) -> tuple[datetime, str, int]:
    return time.began_at, time.stage, -1 if time.index is None else time.index


def _cursor(values: Iterable[int | str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode()


def _read_cursor(cursor: str, *kinds: type) -> list:  # type: ignore[type-arg]
    """Its values, which both databases can take. Raises BadCursor."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadCursor(_NO_CURSOR) from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise BadCursor(_NO_CURSOR)
    if not all(_fits_column(value) for value in values):
        raise BadCursor(_NO_CURSOR)
    return values


def _fits_column(value: int | str) -> bool:
    """Whether both databases can compare a column with it: JSON has numbers without end and halves of
    surrogate pairs, and no text in PostgreSQL has a zero character."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return _TEXT.fullmatch(value) is not None
