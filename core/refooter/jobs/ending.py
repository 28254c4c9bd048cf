"""What an error that ended a job is to people: a code, one sentence, and for the log where it happened. Never a password."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from refooter.errors import RefooterError

if TYPE_CHECKING:
    from refooter.catalog.connection import Database


@dataclass(frozen=True, slots=True)
class Ending:
    """`foreseen`: the sentence says all there is; otherwise it is a mistake of ours, and the log should have the traceback."""

    code: str
    sentence: str
    foreseen: bool


def ending_of(error: BaseException, database: Database | None = None) -> Ending:
    """One sentence for whatever a job raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, RefooterError):
        return Ending(error.code, str(error), True)
    if database is not None and (refused := _of_database(error, database)) is not None:
        return refused
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Ending("system", f"{where}{error.strerror or type(error).__name__}", True)
    # The kind and the place, not the text: nobody knows what an unexpected error quotes.
    return Ending("bug", f"this is a bug in refooter: an unexpected {type(error).__name__} in {_place(error)}", False)


def _of_database(error: BaseException, database: Database) -> Ending | None:
    # Imported here: a command that fails before it connects, perhaps for want of just this, says so without it.
    import psycopg

    from refooter.catalog.connection import timed_out

    if not isinstance(error, psycopg.Error):
        return None
    if timed_out(error):
        return Ending("database_busy", f"PostgreSQL took too long: {database.reason(error)}", True)
    return Ending("database", f"PostgreSQL refused: {database.reason(error)}", True)


def _place(error: BaseException) -> str:
    place = "an unknown place"
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in ("refooter", "refooter_tui"):
            place = f"{module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def told_in_full(error: BaseException, database: Database | None = None) -> str:
    """The traceback, for a log file; without the messages where there is no address to scrub them by."""
    if database is None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        return f"{frames}{type(error).__qualname__}"
    return database.address.scrub("".join(traceback.format_exception(error)))
