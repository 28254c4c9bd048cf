"""The Arrow schema that Arrow's writers embed in a footer, as lines of text.

The value of the key `ARROW:schema` is base64 of an encapsulated IPC message (Arrow's Columnar.rst, "Encapsulated message
format") that holds a Schema. It is decoded by pyarrow, which verifies the message before it believes it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from refooter.parquet.escape import escaped

# A schema of a thousand columns takes a quarter of this.
MAX_VALUE_BYTES: Final = 1 << 20
MAX_LINES: Final = 2000
_LONGEST_LINE: Final = 400
_LONGEST_METADATA: Final = 120
_CONTINUATION: Final = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class ArrowSchema:
    """One line a field and a metadata pair, `problem` in a sentence where it cannot be read (then there are none)."""

    lines: tuple[str, ...]
    problem: str | None = None


def read_arrow_schema(value: bytes) -> ArrowSchema:
    """Decodes the value of `ARROW:schema`. Never raises for what the bytes are."""
    if len(value) > MAX_VALUE_BYTES:
        return ArrowSchema((), f"{len(value):,} bytes, more than are looked at ({MAX_VALUE_BYTES:,})")
    try:
        message = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        return ArrowSchema((), f"not base64: {error}")
    problem = _frame_problem(message)
    if problem is not None:
        return ArrowSchema((), problem)
    try:
        return ArrowSchema(_lines(pa.ipc.read_schema(pa.py_buffer(message))))
    except (pa.ArrowException, ValueError, TypeError, KeyError, OSError, OverflowError, RecursionError) as error:
        words = escaped(str(error).encode("utf-8", "backslashreplace"), _LONGEST_LINE)
        return ArrowSchema((), f"not an Arrow schema: {words}")


def _frame_problem(message: bytes) -> str | None:
    """What is wrong with the message's length prefix, behind the continuation marker that old writers leave out."""
    if not message:
        return "nothing in it"
    at = 4 if message.startswith(_CONTINUATION) else 0
    length = int.from_bytes(message[at : at + 4], "little", signed=True)
    left = len(message) - at - 4
    if left < 0:
        return f"{len(message)} bytes of an IPC message"
    if not 0 < length <= left:
        return f"an IPC message of {length} bytes in {left}"
    return None


def _lines(schema: pa.Schema) -> tuple[str, ...]:
    lines: list[str] = []
    for field in schema:
        if len(lines) >= MAX_LINES:
            lines.append(f"... and {len(schema) - len(lines):,} more fields")
            break
        lines.append(_line(field))
    for key, value in list((schema.metadata or {}).items())[: MAX_LINES - min(len(lines), MAX_LINES)]:
        lines.append(f"metadata {escaped(key, _LONGEST_METADATA)}: {escaped(value, _LONGEST_METADATA)}")
    return tuple(lines)


def _line(field: pa.Field[pa.DataType]) -> str:
    name = escaped(field.name.encode("utf-8", "surrogateescape"), _LONGEST_METADATA)
    type = escaped(str(field.type).encode("utf-8", "surrogateescape"), _LONGEST_LINE)
    pairs = [
        f"{escaped(key, _LONGEST_METADATA)}={escaped(value, _LONGEST_METADATA)}"
        for key, value in list((field.metadata or {}).items())[:8]
    ]
    null = "" if field.nullable else " not null"
    return f"{name}: {type}{null}" + (f" ({', '.join(pairs)})" if pairs else "")
