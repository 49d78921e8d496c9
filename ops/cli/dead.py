"""`reelay dead`: what was given up, why, and trying it again."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from connectors.errors import DependencyDown
from connectors.objectstore import ObjectStore, open_store
from connectors.objectstore.wishes import leave_note
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.kafka import cluster_options, running
from ops.cli.place import Cluster
from ops.cli.text import counted, shown
from ops.dead.letters import Letter, decoded, read_letters, whose
from ops.dead.redrive import Anew, Plan, Redriven, Refused, Retry, plan, redrive
from processors.runtime.stamp import subject_of
from processors.runtime.unwanted import VideoKey
from schemas.codec import Codec, UndecodableError, to_record
from schemas.events import VideoUploaded
from schemas.topics import PREFIX, READERS, topic_named

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DUMPED_BYTES = 256

F = TypeVar("F", bound=Callable[..., Any])


class _Since(click.ParamType):
    """A time, or how long ago it was."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if ago := re.fullmatch(r"(\d{1,6})([smhd])", value.strip()):
                return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS_S[ago[2]])
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither an ISO 8601 time nor such as 30m, 2h, 7d", param, ctx)


def _filters(command: F) -> F:
    """Options that choose among dead letters."""
    group = click.option("--group", help="Only what this consumer group gave up, such as transcriber.")
    topic = click.option("--topic", callback=_topic, help="Only records of this topic.")
    since = click.option(
        "--since", type=_Since(), help="Only what was given up since then: an ISO 8601 time, or 2h, 7d."
    )
    return group(topic(since(command)))


def _topic(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A topic's full name. Raises BadParameter."""
    if value is None:
        return None
    try:
        return topic_named(value).name
    except KeyError as error:
        raise click.BadParameter(f"there is no topic {shown(value)!r}") from error


_JSON = click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each letter.")


@click.group("dead", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Show what processors gave up (dead letters), and have it tried again.

    Without --brokers it looks at `reelay up` on this machine, whose dead letters last until it ends.

    \b
    Example:
      reelay dead list --since 2h
    """


@command.command("list")
@cluster_options(required=False)
@_filters
@_JSON
def list_letters(
    *,
    brokers: str | None,
    registry: str,
    group: str | None,
    topic: str | None,
    since: datetime | None,
    as_json: bool,
) -> int:
    """List dead letters, the oldest first.

    \b
    Examples:
      reelay dead list --group transcriber
      reelay dead list --brokers localhost:9092 --json | jq -r .reason | sort | uniq -c
    """
    with one_line():
        connections = running(brokers, registry)
        codec = Codec(open_registry(connections))
        letters = _chosen(read_letters(connections), group, topic, since)
        rows = [_row(letter, _about(letter, codec)) for letter in letters]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    elif rows:
        click.echo(_table(rows))
    else:
        click.echo("no dead letters", err=True)
    return 0


@command.command("show")
@click.argument("letter_id", metavar="ID")
@cluster_options(required=False)
@_JSON
def show(*, letter_id: str, brokers: str | None, registry: str, as_json: bool) -> int:
    """Show all there is about one dead letter: what happened, headers, the event or its bytes.

    \b
    Example:
      reelay dead show audio.segmented.transcriber.dead/0/17
    """
    with one_line():
        connections = running(brokers, registry)
        codec = Codec(open_registry(connections))
        (letter,) = _named(read_letters(connections), [letter_id])
        record = _row(letter, _about(letter, codec)) | _content(letter, codec)
    click.echo(json.dumps(record, default=datetime.isoformat) if as_json else _in_full(record))
    return 0


@command.command("redrive")
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@cluster_options(required=False)
@_filters
@click.option("--all", "everything", is_flag=True, help="All that the filters let through.")
@click.option("--again", is_flag=True, help="Also letters that were redriven before.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_JSON
def redrive_letters(
    *,
    letter_ids: tuple[str, ...],
    brokers: str | None,
    registry: str,
    group: str | None,
    topic: str | None,
    since: datetime | None,
    everything: bool,
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Have dead letters tried again, once what was wrong is mended.

    Each goes to its group's own retry topic, as it was. Where the video's revision has its outcome
    already, the video is done anew as its next revision; what was made before is looked up. The store is
    asked for that: REELAY_STORE_URL must name it.

    \b
    Examples:
      reelay dead redrive audio.segmented.transcriber.dead/0/17
      reelay dead redrive --all --group transcriber --since 1d --dry-run
    """
    if bool(letter_ids) == everything:
        raise click.UsageError("name dead letters by their IDs, or choose them by --all and filters")
    if letter_ids and (group or topic or since):
        raise click.UsageError("--group, --topic and --since go with --all")
    with one_line():
        connections = running(brokers, registry)
        store = _store(connections)
        codec = Codec(open_registry(connections))
        letters = read_letters(connections)
        if letter_ids:
            chosen = _named(letters, letter_ids)
        else:
            chosen = _chosen(letters, group, topic, since)
            chosen = [letter for letter in chosen if again or letter.redriven_as is None]
        plans = [
            plan(letter, store, codec) if again or letter.redriven_as is None else _done_before(letter)
            for letter in chosen
        ]
        possible = [item for item in plans if not isinstance(item, Refused)]
        refused = [item for item in plans if isinstance(item, Refused)]
        for refusal in refused:
            _tell(refusal, as_json=as_json)
        if dry_run:
            for item in possible:
                _tell(item, as_json=as_json)
            return FAILED if refused else 0
        announce = _announcer(connections, store, here=not brokers)
        for done in redrive(possible, letters, connections, store=store, codec=codec, announce=announce):
            _tell(done, as_json=as_json)
            refused += [done] if isinstance(done, Refused) else []
    if not chosen:
        click.echo("no dead letters to redrive", err=True)
    return FAILED if refused else 0


def _store(connections: Connections) -> ObjectStore:
    if not connections.store_url:
        raise click.ClickException("REELAY_STORE_URL is not set: it tells which videos are done already")
    try:
        return open_store(connections)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _announcer(
    connections: Connections, store: ObjectStore, *, here: bool
) -> Callable[[VideoUploaded], None]:
    """Has the pipeline see an upload; on this machine its supervisor publishes what is in the store."""
    if here:
        return lambda upload: leave_note(store, upload.video_id)
    return Cluster(connections).announce


def _chosen(
    letters: Sequence[Letter], group: str | None, topic: str | None, since: datetime | None
) -> list[Letter]:
    """Those that the filters let through. Raises ClickException for a group that nobody knows."""
    if group is not None and group not in {*READERS, *(letter.group for letter in letters)}:
        known = ", ".join(READERS)
        raise click.ClickException(f"there is no consumer group {shown(group)!r}; there are {known}")
    return [
        letter
        for letter in letters
        if group in (None, letter.group)
        and topic in (None, letter.topic.name)
        and (since is None or letter.dead_at >= since)
    ]


def _named(letters: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    """The letters of these IDs, in the order in which they died. Raises ClickException."""
    wanted = {given.removeprefix(PREFIX): given for given in ids}
    found = [letter for letter in letters if letter.id in wanted]
    for missing in wanted.keys() - {letter.id for letter in found}:
        raise click.ClickException(f"there is no dead letter {shown(wanted[missing])}")
    return found


def _done_before(letter: Letter) -> Refused:
    return Refused(
        letter, f"it was redriven before ({_short(letter.redriven_as)}); --again does so anew"
    )


def _about(letter: Letter, codec: Codec) -> VideoKey | None:
    """Whose the letter is, also while the registry is down."""
    if (subject := subject_of(letter.record)) is not None:
        return subject[0]
    with suppress(DependencyDown):
        return whose(letter, codec)
    return None


def _row(letter: Letter, video: VideoKey | None) -> dict[str, Any]:
    burial = letter.burial
    return {
        "id": letter.id,
        "time": letter.dead_at.isoformat(timespec="seconds"),
        "group": letter.group,
        "topic": letter.topic.name,
        "kind": burial.kind,
        "attempts": burial.attempts,
        "video_id": video.video_id if video else None,
        "revision": video.revision if video else None,
        "reason": burial.reason,
        "origin": burial.origin,
        "left_out_bytes": burial.left_out_bytes,
        "redriven_as": letter.redriven_as,
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """Columns as wide as they must be; the last is as long as it is."""
    head = ("ID", "TIME", "GROUP", "KIND", "TRIES", "VIDEO", "REASON")
    cells = [head, *(tuple(map(shown, _cells(row))) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in cells
    )


def _cells(row: dict[str, Any]) -> Iterator[str]:
    yield row["id"]
    yield row["time"].removesuffix("+00:00") + "Z"
    yield row["group"]
    yield row["kind"] or "?"
    yield str(row["attempts"] or "?")
    yield f"{row['video_id']}/{row['revision']}" if row["video_id"] else "?"
    redriven = row["redriven_as"]
    yield (f"(redriven: {_short(redriven)}) " if redriven else "") + (row["reason"] or "?")


def _content(letter: Letter, codec: Codec) -> dict[str, Any]:
    """What the record holds: headers, and the event or why there is none."""
    record = letter.record
    content: dict[str, Any] = {
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "headers": {name: value.decode(errors="replace") for name, value in record.headers},
        "type": None,
        "value": None,
    }
    if letter.burial.left_out_bytes is not None:
        return content
    try:
        event = decoded(letter, codec)
    except (UndecodableError, DependencyDown) as error:
        head = record.value[:_DUMPED_BYTES].hex()
        return content | {"error": str(error), "size_bytes": len(record.value), "head": head}
    return content | {"type": type(event).__name__, "value": to_record(event)}


def _in_full(record: dict[str, Any]) -> str:
    tries = counted(record["attempts"], "attempt") if record["attempts"] else "unknown attempts"
    lines = [
        record["id"],
        f"  given up by {record['group']} at {record['time']}, {record['kind'] or '?'}, {tries}",
        f"  reason: {record['reason'] or '?'}",
        f"  came first at: {record['origin'] or '?'}",
        f"  video: {record['video_id'] or '?'}, revision {record['revision'] or '?'}",
        f"  redriven: {_short(record['redriven_as']) if record['redriven_as'] else 'no'}",
        f"  key: {record['key']}",
        *(f"  {name}: {value}" for name, value in record["headers"].items()),
    ]
    if record["left_out_bytes"] is not None:
        lines.append(f"  its {record['left_out_bytes']:,} bytes were too many to be copied")
    elif record["value"] is not None:
        lines.append(f"  {record['type']}")
        lines += [
            f"    {name}: {json.dumps(value, default=datetime.isoformat, ensure_ascii=False)}"
            for name, value in record["value"].items()
        ]
    else:
        lines.append(f"  cannot be decoded: {record['error']}")
        lines.append(f"  {record['size_bytes']:,} bytes:")
        lines += [f"    {line}" for line in _hexdump(bytes.fromhex(record["head"]))]
    return "\n".join(shown(line) for line in lines)


def _hexdump(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:08x}  {row.hex(' '):<47}  {text}"


def _tell(said: Plan | Redriven, *, as_json: bool) -> None:
    """Say what is planned, what was done, or why not."""
    match said:
        case Refused(letter, reason):
            record, line = {"refused": reason}, f"✗ {letter.id}: {reason}"
        case Retry(letter, topic, unreadable):
            record = {"would_go_to": topic}
            line = f"{letter.id} would go to {_short(topic)}{_doubt(unreadable)}"
        case Anew(letter, upload):
            record = {"would_go_to": f"a new revision of {upload.video_id}"}
            done = f"{upload.video_id}/{upload.revision} has its outcome"
            line = f"{letter.id}: {done}, so a new revision would begin"
        case Redriven(letter, went_to, unreadable):
            record = {"went_to": went_to}
            line = f"{letter.id} went to {_short(went_to)}{_doubt(unreadable)}"
    if as_json:
        click.echo(json.dumps({"id": letter.id} | record))
    else:
        click.echo(shown(line), err=isinstance(said, Refused))


def _doubt(unreadable: bool) -> str:
    return "; its bytes are no event, so it is likely to come back" if unreadable else ""


def _short(name: str | None) -> str:
    return (name or "").removeprefix(PREFIX)
