"""Addresses of files and of stores, and what client libraries say about them, as people may see them: without a secret."""

from __future__ import annotations

import os
import re
from typing import Final

from refooter.store.failures import scrubbed

_SCHEME: Final = re.compile(r"(?!file:)([A-Za-z][A-Za-z0-9+.-]*)://", re.IGNORECASE)
_HOST: Final = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::\d*)?")


def shown(address: str) -> str:
    """No user info and no query string; of a path, or an address of this machine's, all.

    A password may hold unescaped what ends it for others (`/`, `?`, `#`, `@`): where it looks like that, nothing is shown.
    """
    found = _SCHEME.match(address)
    if found is None:
        return address
    rest = address[found.end() :]
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    userinfo, _, host = authority.rpartition("@")
    behind, _, query = rest[len(authority) :].partition("?")
    goes_on = (":" in userinfo and "@" in behind + query) or (":" in host and "@" in behind)
    if goes_on or not _HOST.fullmatch(host):
        return found[0] + "..."
    return found[0] + host + behind


def words_of(error: Exception, address: str) -> str:
    """Why nothing can be read or written there: the operating system's words or a client library's. Of an address that holds a
    secret only the kind of error: nobody knows which part of it such a library quotes."""
    if shown(address) != address:
        return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return scrubbed(said) or type(error).__name__
