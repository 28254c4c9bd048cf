"""What causes, reasons and problems mean to the reader, and what they can do about each."""

from __future__ import annotations

from typing import Final

from refooter.values import Cause, FileState, Outcome, Reason

CAUSES: Final = {
    Cause.NONE: "nothing is wrong",
    Cause.OUTDATED_VERSION: "sound, but read through the slow path",
    Cause.ZERO_NUM_ROWS: "says 0 rows: scans silently return none",
    Cause.ROW_COUNT_MISMATCH: "row counts disagree: silently wrong rows",
    Cause.DANGLING_PAGE_INDEX: "page-index pointers are off: queries fail",
    Cause.CHUNK_OUT_OF_BOUNDS: "a column chunk lies outside the file",
    Cause.PAGE_INDEX_PREFIX: "the page index stands before the footer",
    Cause.MISSING_NUM_ROWS: "the row count was never written",
    Cause.WHOLE_FILE: "the whole file was stored, not its footer",
    Cause.ARROW_SCHEMA: "the embedded Arrow schema is damaged",
    Cause.TRUNCATED: "the value ends too early",
    Cause.EMPTY: "there is no value",
    Cause.ENCRYPTED: "the footer is encrypted",
    Cause.MALFORMED: "not a footer that anything can read",
}

OUTCOMES: Final = {
    Outcome.MIGRATED: "migrated",
    Outcome.RESTORED: "restored",
    Outcome.WOULD_MIGRATE: "would be migrated",
    Outcome.SKIPPED: "left as they are",
    Outcome.FAILED: "failed",
    Outcome.CONFLICT: "in conflict",
    Outcome.GONE: "gone meanwhile",
}

REASONS: Final = {
    Reason.FILE_MISSING: "The files are gone from the store and nothing can mend these entries: retire the partitions.",
    Reason.STORE_DENIED: "Give the credentials the right to read these objects, then run again.",
    Reason.STORE_UNREACHABLE: "Run again once the store answers.",
    Reason.NOT_PARQUET: "These objects are no Parquet files: put the right ones back, or retire the partitions.",
    Reason.REJECTED: "The file's own footer does not pass the target parser: `refooter inspect --file URI` shows it.",
    Reason.MISMATCH: "The file is not the one that the catalog describes: put it back, or correct the partition rows.",
    Reason.UNPROVED: "The old values can be mended, but only their files could prove it: put the files back, or say --accept-unproved.",
    Reason.NEEDS_FILE: "Only their files can mend these entries: run again with --strategy auto.",
    Reason.UNSAFE_PATH: "These paths lead out of the lake's root: correct them in the catalog.",
    Reason.TOO_LARGE: "These values are larger than a footer may be: see what wrote them.",
    Reason.DATABASE: "PostgreSQL refuses these rows (a trigger, a constraint): remove the obstacle, then run again.",
}
CONFLICT: Final = "Another session changed or held these rows, and nothing was written: run again."

FILE_STATES: Final = {
    FileState.UNCHECKED: "not looked for",
    FileState.PRESENT: "there, of the size that the catalog has",
    FileState.MISSING: "not in the store",
    FileState.DENIED: "may not be read",
    FileState.UNREACHABLE: "the store did not answer",
    FileState.MISMATCH: "not the file that the catalog describes",
}

PROBLEMS: Final = {
    "no_metadata": "Partitions name these files, but queries on them fail for want of an entry: the engine has to write it.",
    "catalog_zero_rows": "Queries skip partitions that record 0 rows beside a file: correct num_rows in the catalog.",
    "partitions_disagree": "Nothing says which of the partition rows is right: correct them in the catalog.",
    "differs_from_file": "`refooter migrate --force` puts the file's own footer there.",
    "lost": "Entries of the run are gone though a partition still names them: `refooter rollback` cannot bring them back.",
    "changed": "Something else than refooter wrote these entries after the run: find out what.",
    Cause.ENCRYPTED.value: "Nothing here mends an encrypted footer.",
    "not_judged": "These values are larger than a footer may be: see what wrote them.",
}
MENDED_BY_MIGRATION: Final = "`refooter migrate` mends what can be mended, and says of the rest why it cannot."


def problem_advice(problem: str) -> str | None:
    """What to do about a problem that `verify` names: a word of its own, a reason as a migration gives it, or a cause."""
    if problem in PROBLEMS:
        return PROBLEMS[problem]
    if problem in {reason.value for reason in Reason}:
        return REASONS[Reason(problem)]
    return MENDED_BY_MIGRATION if problem in {cause.value for cause in Cause} else None
