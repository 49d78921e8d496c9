"""Every version of every schema that events were written with, kept as files.

`versions/<name>/<number>.avsc`, numbered from 1, where `<name>` is that of the schema's file. The last
one is the schema itself (`avro/<name>.avsc`), so a schema cannot be changed without keeping what it was.
Events of any age are in topics and in the object store: a version is never removed or edited.
"""

import json
from importlib.resources import files
from pathlib import PurePosixPath

from schemas.codec import schema_text
from schemas.topics import Topic


def kept_versions(topic: Topic) -> tuple[str, ...]:
    """The `.avsc` texts of this topic, oldest first."""
    folder = files("schemas") / "versions" / PurePosixPath(topic.schema_file).stem
    if not folder.is_dir():
        return ()
    numbers = (PurePosixPath(file.name).stem for file in folder.iterdir() if file.name.endswith(".avsc"))
    return tuple((folder / f"{number}.avsc").read_text("utf-8") for number in sorted(map(int, numbers)))


def unkept_change(topic: Topic) -> str | None:
    """What to do if this topic's schema is not the last kept version of it; None if all is well."""
    kept = kept_versions(topic)
    if kept and json.loads(kept[-1]) == json.loads(schema_text(topic)):
        return None
    name = PurePosixPath(topic.schema_file).stem
    changed = f"schemas/avro/{name}.avsc"
    return (
        f"{changed} was changed: keep it as a new version too, "
        f"cp {changed} schemas/versions/{name}/{len(kept) + 1}.avsc"
    )
