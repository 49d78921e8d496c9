"""Whether a schema version can read what another wrote (Avro specification, "Schema Resolution")."""

from itertools import permutations

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.history import kept_versions, unkept_change
from schemas.topics import Topic


def cannot_read(reader: str, writer: str) -> str | None:
    """Why events of the `.avsc` text `writer` cannot all be read with `reader`; None if they can.

    Raises ValueError if one of them is no Avro schema.
    """
    try:
        reading, written = avro.schema.parse(reader), avro.schema.parse(writer)
    except avro.errors.SchemaParseException as error:
        raise ValueError(str(error)) from error
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(reading, written)
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    kinds = sorted({kind.value.replace("_", " ") for kind in result.incompatibilities})
    return f"{', '.join(kinds)} ({', '.join(sorted(result.messages))}) at {sorted(result.locations)[0]}"


def problems(topic: Topic) -> tuple[str, ...]:
    """What is wrong with the kept versions of a topic's schema, a line each; none if all is well.

    Each has to read each other (`FULL_TRANSITIVE`), and the schema itself has to be the last of them.
    """
    if (change := unkept_change(topic)) is not None:
        return (change,)
    versions = list(enumerate(kept_versions(topic), 1))
    found = []
    for (reader, reading), (writer, written) in permutations(versions, 2):
        try:
            why = cannot_read(reading, written)
        except ValueError as error:
            why = str(error)
        if why is not None:
            found.append(f"{topic.schema_file}: version {reader} cannot read version {writer}: {why}")
    return tuple(found)
