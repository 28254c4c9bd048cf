"""Sentences that quote the command line, without what may be a secret in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_ADDRESS: Final = re.compile(r"(--?[\w-]+=)?([A-Za-z][A-Za-z0-9+.-]*://)?")
_DATABASE: Final = re.compile(r"(?i)postgres(?:ql)?://|\bpass(?:word|file)?\s*=|\bsslpassword\s*=")


def hidden(sentence: str, words: Sequence[str]) -> str:
    """`sentence`, in which a word that is the address of a database, or has user info or a query, stands without these.

    An address ends up in the wrong place easily: behind a misspelt option, or as a command.
    """
    from refooter.store.shown import shown

    for word in sorted(words, key=len, reverse=True):
        found = _ADDRESS.match(word)
        start = found[0] if found else ""
        if _DATABASE.search(word):
            instead = f"{start}..."
        elif start.endswith("://"):
            option = found[1] or "" if found else ""
            instead = option + shown(word.removeprefix(option))
        else:
            continue
        # as it is, and as Python's repr() has it
        sentence = sentence.replace(word, instead).replace(repr(word)[1:-1], instead)
    return sentence
