"""The one JSON object that a command leaves on standard output."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import Enum
from typing import Any, Final

from refooter.values import TargetName, rfc3339

LIST_LIMIT: Final = 1000


class Answer:
    """Gathered while the command works, so that it can be printed however the command ends."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    def put(self, **fields: Any) -> None:
        """Adds fields, or sets them anew."""
        self.fields.update(fields)

    def put_list(self, name: str, items: Sequence[Any], total: int | None = None) -> None:
        """A list as `NAME`, cut at `LIST_LIMIT`, with its whole length as `NAME_total`."""
        self.put(**{name: list(items[:LIST_LIMIT]), f"{name}_total": len(items) if total is None else total})

    def fail(self, code: str, message: str) -> None:
        self.put(error={"code": code, "message": message})

    def text(self) -> str:
        """One line of ASCII: whatever a path or a message holds, no terminal acts on it and every parser reads it."""
        return json.dumps(plain(self.fields), ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:
    """`value` as what JSON has: times as RFC 3339, bytes as hexadecimal digits, enum members by value, and the numbers that
    JSON cannot write (`nan`, `inf`) as strings."""
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return rfc3339(value)
        case bytes():
            return value.hex()
        case TargetName():
            return {"name": value.name, "version": value.version, "parser": value.parser}
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case Sequence() | AbstractSet():
            return [plain(item) for item in value]
    raise TypeError(f"no JSON for {type(value).__name__}")
