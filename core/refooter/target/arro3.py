"""The judge of `ARROW_57`: arrow-rs `parquet` through the arro3-io wheel. Imported in worker processes only."""

from __future__ import annotations

import re
import struct
from io import BytesIO
from typing import Final

from arro3.io import read_parquet

from refooter.values import Verdict

_MAGIC: Final = b"PAR1"
_LONGEST_ERROR: Final = 4_000
# Result::unwrap's own words before the error, which it prints as Debug does: the variant's name around the message
_UNWRAP: Final = "called `Result::unwrap()` on an `Err` value: "
_PLAIN: Final = re.compile(r'(?:General|EOF)\("(.*)"\)', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9a-f]{1,6})\}|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def judge(blob: bytes) -> Verdict:
    """What a query's first step says of `blob`: decode it as a file's footer, then build the Arrow schema.

    The error is the parser's message, without what Rust wraps around it. `General` and `EOF` errors give the bare
    message, the other kinds stand as they are, `ArrowError("...")` say: that one means that the footer decoded and
    the Arrow schema did not. Messages that quote their input are cut at 4,000 characters.
    """
    if len(blob) > 0xFFFF_FFFF:
        return Verdict(False, "larger than a footer's length word can say")
    try:
        read_parquet(BytesIO(b"".join((_MAGIC, blob, struct.pack("<I", len(blob)), _MAGIC))))
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # the parser reports a rejection by a Rust panic, which is no Exception
        return Verdict(False, words(str(error)))
    return Verdict(True)


def words(panic: str) -> str:
    """The parser's own message in a panic's text."""
    text = panic.removeprefix(_UNWRAP)
    if plain := _PLAIN.fullmatch(text):
        text = _ESCAPE.sub(_unescape, plain[1])
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _unescape(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return _ESCAPED.get(escape[2], escape[2])
