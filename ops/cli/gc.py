"""`reelay gc`: room in the store."""

import json
import re
import time
from itertools import chain
from typing import Any

import click

from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options
from ops.cli.place import find_place
from ops.cli.text import counted, shown
from ops.up.leftovers import abandoned, halves, leftovers

_UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


class _Age(click.ParamType):
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", str(value))
        if found is None:
            self.fail(f"{value!r} is no age such as 8d, 36h or 2w", param, ctx)
        return float(found[1]) * _UNITS_S[found[2]]


@click.command("gc")
@click.option(
    "--older-than",
    "older_than_s",
    type=_Age(),
    default="8d",
    show_default=True,
    help="Age since a piece was last written or looked up: 36h, 8d, 2w.",
)
@cluster_options(required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *, older_than_s: float, brokers: str | None, registry: str, dry_run: bool, as_json: bool
) -> int:
    """Remove pieces of work that nobody has written or looked up for a while.

    Captions and other results stay. The pieces that they were made from (sound, words of each segment)
    are only there so that nothing is done twice; if one is needed again, it is made again. What a write
    that was cut off left behind goes after a day, uploads that were never finished with the rest. It may
    run at any time.

    \b
    Examples:
      reelay gc --dry-run
      reelay gc --older-than 2w
    """
    count = size_bytes = uploads = 0
    with one_line():
        place, now = find_place(brokers, registry), time.time()
        gone = leftovers(place.store, older_than_s=older_than_s, now=now)
        if place.folder is not None:
            gone = chain(gone, halves(place.folder, now=now))
        for leftover in gone:
            if not dry_run:
                place.store.delete(leftover.key)
            elif not as_json:
                click.echo(shown(leftover.key))
            count += 1
            size_bytes += leftover.size_bytes
        for upload in abandoned(place.store, older_than_s=older_than_s, now=now):
            if not dry_run:
                place.store.abort_parts(upload.key, upload.parts_id)
            elif not as_json:
                click.echo(shown(upload.key))
            uploads += 1
    if as_json:
        removed = {"files": count, "size_bytes": size_bytes, "unfinished_uploads": uploads}
        click.echo(json.dumps({"dry_run": dry_run} | removed))
    else:
        what = f"{counted(count, 'file')}, {size_bytes / 10**6:.1f} MB"
        if uploads:
            what += f", {counted(uploads, 'unfinished upload')}"
        click.echo(f"{what} would be removed" if dry_run else f"removed {what}", err=True)
    return 0
