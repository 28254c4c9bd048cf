"""The one function that foreign text passes on its way to a terminal."""

from __future__ import annotations

import codecs
import re
from typing import Final

# Unicode's Cc, Cf, Cs, Zl, Zp and everything with Default_Ignorable_Code_Point: what moves the cursor, turns the reading
# direction, or takes no room at all. Spelled out, so that the answer does not depend on an interpreter's Unicode version.
_HIDDEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u034f"  # soft hyphen, combining grapheme joiner
    "\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"  # Arabic and Syriac format characters
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # fillers, inherent vowels, Mongolian selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero widths, marks, separators, embeddings, isolates, operators
    "\ud800-\udfff"  # lone surrogates
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb"  # variation selectors, byte order mark, annotations
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags, more variation selectors
    "]"
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""`text` with every character that acts on a terminal, or hides in it, as an escape: `\n`, `\x1b`, `\u0085`, `\U000e0041`.

    `\x` is below 0x80 only, as in all that refooter shows: beyond, it would be a byte that is no UTF-8 (`refooter.parquet.escape`).
    Everything else stays as it is, a backslash too: this is for eyes, not to be read back. The result has no line breaks.
    """
    return _HIDDEN.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escape_unwritable(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_escape, error.object[error.start : error.end])), error.end


UNWRITABLE: Final = "refooter.escape"
"""The error handler for streams that cannot write every character: they show its escape, of the same style."""
codecs.register_error(UNWRITABLE, _escape_unwritable)
