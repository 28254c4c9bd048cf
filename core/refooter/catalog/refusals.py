"""What PostgreSQL, or a proxy in front of it, says to those whom it does not let in; and what is to be done about it.

libpq passes on no SQLSTATE for a connection that failed, only words: the server's own, which depend on its language. Where they are
others than these, they are told as they are.
"""

from __future__ import annotations

import re
from typing import Final

from refooter.catalog.address import Address
from refooter.errors import DatabaseUnreachable, MissingRights, RefooterError

_RIGHTS: Final = (
    (re.compile(r"permission denied for database"), "CONNECT on the database"),
    (re.compile(r"is not permitted to log in"), "LOGIN"),
)
_ADVICE: Final = (
    # PostgreSQL, PgBouncer
    (
        re.compile(r"authentication failed|no password supplied"),
        "check the user and the password in the connection string, PGPASSWORD or PGPASSFILE",
    ),
    (re.compile(r"database .* does not exist|no such database"), "check the database's name"),
    (re.compile(r"role .* does not exist|no such user"), "check the user's name"),
    (
        re.compile(r"unsupported startup parameter"),
        "leave it out of the connection string, or have the proxy pass it over (ignore_startup_parameters)",
    ),
    (re.compile(r"no pg_hba.conf entry"), "have the server's pg_hba.conf let this host, user and database in"),
)
_BEFORE: Final = re.compile(r"^connection to server .* failed: (?:(?:FATAL|ERROR):  )?")


def refusal(address: Address, reason: str) -> RefooterError:
    """`reason`: what was said, on one line and scrubbed."""
    said = _BEFORE.sub("", reason)
    for words, right in _RIGHTS:
        if words.search(said):
            return MissingRights(f"missing right: {right} for the user of {address.shown} (PostgreSQL says: {said})")
    advice = next((f"; {then}" for words, then in _ADVICE if words.search(said)), "")
    return DatabaseUnreachable(f"cannot reach PostgreSQL at {address.shown}: {said}{advice}")
