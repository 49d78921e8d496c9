"""Generated values of any event, by its type hints."""

import types
import typing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from schemas.events import EPOCH, Event

EVENTS: tuple[type[Event], ...] = typing.get_args(Event)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type. Times are whole milliseconds, numbers fit an Avro int."""
    if typing.get_origin(kind) is tuple:
        return st.lists(values(typing.get_args(kind)[0]), max_size=3).map(tuple)
    if isinstance(kind, types.UnionType):
        return st.one_of(values(part) for part in typing.get_args(kind))
    if hasattr(kind, "__dataclass_fields__"):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{name: values(hint) for name, hint in hints.items()})
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    return _PLAIN[kind]


_PLAIN: dict[type, st.SearchStrategy[Any]] = {
    types.NoneType: st.none(),
    bool: st.booleans(),
    str: st.text(max_size=20),
    int: st.integers(-(2**31), 2**31 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.integers(0, int((datetime(9999, 1, 1, tzinfo=UTC) - EPOCH).total_seconds() * 1000)).map(
        lambda ms: EPOCH + timedelta(milliseconds=ms)
    ),
}
