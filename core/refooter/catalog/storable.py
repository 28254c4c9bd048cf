"""Foreign words as the journal of any database can hold them."""

from __future__ import annotations

import re
from typing import Any, Final

from psycopg import AsyncConnection

# PostgreSQL's text has no NUL, and UTF-8 no lone surrogates; parsers' messages and environments do.
_IN_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_TAKE_EVERYTHING: Final = ("UTF8", "SQL_ASCII")


def storable(connection: AsyncConnection[Any], text: str) -> str:
    """`text` with what this connection's database cannot hold as an escape. Of its other encodings only ASCII is sure."""
    if connection.info.parameter_status("server_encoding") not in _TAKE_EVERYTHING:
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return _IN_NO_TEXT.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
