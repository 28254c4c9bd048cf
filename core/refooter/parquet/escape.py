"""Foreign bytes as plain text: printable, unambiguous, and never longer than asked for."""

from __future__ import annotations

from typing import Final

MOST_CHARACTERS: Final = 256
MOST_BYTES: Final = 32


def escaped(raw: bytes, most: int = MOST_CHARACTERS) -> str:
    r"""UTF-8 as text, with escapes as in a Python literal for what cannot be printed, a backslash included.

    A byte that is no UTF-8 is `\xff`, a character that is not printable `\n`, `\x1b` or `\u0085`: a character beyond ASCII
    is never written `\x`, so the two cannot be mistaken for each other. Cut after `most` characters or a few more, with the
    whole length said.
    """
    # a character of UTF-8 takes four bytes at most, and what is cut within one shows as the bytes that there are
    head = raw[: 4 * most + 4]
    text = head.decode("utf-8", "surrogateescape")
    cut = len(text) > most or len(head) < len(raw)
    text = text[:most]
    if not text.isprintable() or "\\" in text:
        text = "".join([_spelled(character) for character in text])
    return f"{text}... ({len(raw):,} bytes)" if cut else text


def hexadecimal(raw: bytes, most: int = MOST_BYTES) -> str:
    """Bytes as `0x0001ff`, cut after `most` of them with the whole length said; `0x` for none."""
    shown = "0x" + raw[:most].hex()
    return f"{shown}... ({len(raw):,} bytes)" if len(raw) > most else shown


_NAMED: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _spelled(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # what "surrogateescape" makes of a byte
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
