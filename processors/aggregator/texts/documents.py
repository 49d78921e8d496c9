"""JSON documents that people, `grep` and `diff` can read too."""

import json
from collections.abc import Mapping
from typing import Any


def dump(document: Mapping[str, Any]) -> bytes:
    """The document as UTF-8 JSON: one field on each line, and of a list one item on each line. The same
    bytes for the same document."""
    fields = ",\n".join(f"  {_line(name)}: {_value(value)}" for name, value in document.items())
    return f"{{\n{fields}\n}}\n".encode()


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[\n    " + ",\n    ".join(map(_line, value)) + "\n  ]"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
