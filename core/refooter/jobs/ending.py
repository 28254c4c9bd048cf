"""What an error that ended a job is to people: a code, one sentence, and for the log where it happened. Never a password."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from refooter.errors import DatabaseBusy, DatabaseRefused, MissingRights, RefooterError

if TYPE_CHECKING:
    import psycopg

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
    if database is not None and (said := _said_by(error, database)) is not None:
        return Ending(said.code, str(said), True)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Ending("system", f"{where}{error.strerror or type(error).__name__}", True)
    # The kind and the place, not the text: nobody knows what an unexpected error quotes.
    return Ending("bug", f"this is a bug in refooter: an unexpected {type(error).__name__} in {_place(error)}", False)


def _said_by(error: BaseException, database: Database) -> RefooterError | None:
    # Imported here: a command that fails before it connects, perhaps for want of just this, says so without it.
    import psycopg

    return refusal(error, database) if isinstance(error, psycopg.Error) else None


def refusal(error: psycopg.Error, database: Database) -> RefooterError:
    """What PostgreSQL said, as an error of ours: its words, scrubbed, and what to do."""
    from psycopg.errors import InsufficientPrivilege

    from refooter.catalog.connection import timed_out

    words = database.reason(error)
    if timed_out(error):
        return DatabaseBusy(f"PostgreSQL took too long: {words}; run again when it has less to do")
    if isinstance(error, InsufficientPrivilege):
        return MissingRights(f"missing right: {words}; `refooter init --sql` prints the grants that are needed")
    return DatabaseRefused(f"PostgreSQL refused: {words}; see its log, then run again")


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
