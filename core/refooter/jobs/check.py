"""Whether a footer from the store may be written: only what describes the same file as the catalog does (safety 11, 12, 14)."""

from __future__ import annotations

from refooter.values import Cause, Diagnosis, Entry, FooterFacts, Reason

Refusal = tuple[Reason, str]


def check_footer(entry: Entry, old: Diagnosis, new: Diagnosis, file_size: int) -> Refusal | None:
    """`None` if `new` may take the place of `old`, else why not. `file_size` is the object's actual size in bytes.

    The store has already compared `file_size` with the catalog's where that is known.
    """
    if not new.accepted:
        return Reason.REJECTED, f"the target parser rejects the file's own footer: {new.error}"
    if new.facts is None or new.facts.num_rows is None or new.facts.row_group_sum is None:
        return Reason.MISMATCH, "the row counts of the file's own footer cannot be read"
    rows = entry.partitions.agreed_num_rows
    if rows is not None:
        if new.facts.num_rows != rows:
            return Reason.MISMATCH, f"the file's footer says {new.facts.num_rows} rows, the catalog {rows}"
        if new.facts.row_group_sum != rows:
            return (
                Reason.MISMATCH,
                f"the file's row groups hold {new.facts.row_group_sum} rows together, the catalog says {rows}",
            )
    if new.facts.num_rows != new.facts.row_group_sum:
        return (
            Reason.MISMATCH,
            f"the file's own footer says {new.facts.num_rows} rows, but its row groups hold {new.facts.row_group_sum}",
        )
    return _against_old_value(entry, old, new.facts, file_size)


def _against_old_value(entry: Entry, old: Diagnosis, new: FooterFacts, file_size: int) -> Refusal | None:
    witness = old.facts
    recorded = entry.partitions.agreed_num_rows is not None
    if witness is not None and witness.schema is not None and witness.schema != new.schema:
        return Reason.MISMATCH, "the file's schema is not the one that the catalog's value holds"
    if witness is not None and witness.row_groups and _row_groups_are_evidence(entry, old, witness):
        refusal = _compare_row_groups(old, witness, new)
        if refusal is not None:
            return refusal
    if recorded:
        return None
    why = "the file is an orphan" if entry.orphan else "the catalog has not recorded the file's row count"
    if witness is None or witness.schema is None or not witness.row_groups_whole:
        return Reason.MISMATCH, f"{why}, and the old value yields no schema and row groups that could vouch for it"
    if not entry.orphan and entry.partitions.agreed_file_size is None:
        return Reason.MISMATCH, f"{why}, and no file size either: nothing vouches for the file of {file_size} bytes"
    if witness.row_group_sum != new.row_group_sum:
        return (
            Reason.MISMATCH,
            f"{why}, and the old value's row groups hold {witness.row_group_sum} rows, the file's {new.row_group_sum}",
        )
    return None


def _row_groups_are_evidence(entry: Entry, old: Diagnosis, witness: FooterFacts) -> bool:
    """Row groups whose sum the catalog contradicts are what is wrong with the old value, not what speaks for it."""
    rows = entry.partitions.agreed_num_rows
    return rows is None or not witness.row_groups_whole or witness.row_group_sum == rows


def _compare_row_groups(old: Diagnosis, witness: FooterFacts, new: FooterFacts) -> Refusal | None:
    known = len(witness.row_groups)
    if known > len(new.row_groups) or (witness.row_groups_whole and known != len(new.row_groups)):
        return Reason.MISMATCH, f"the file has {len(new.row_groups)} row groups, the old value {known}"
    # A chunk out of bounds is itself the damage: then only the row counts can be compared.
    rotten = Cause.CHUNK_OUT_OF_BOUNDS in old.causes
    for index, (before, now) in enumerate(zip(witness.row_groups, new.row_groups, strict=False)):
        if before[0] != now[0]:
            return Reason.MISMATCH, f"row group {index} of the file has {now[0]} rows, of the old value {before[0]}"
        if before[1] != now[1] and not rotten:
            return Reason.MISMATCH, f"row group {index} of the file has other column chunks than the old value's"
    return None
