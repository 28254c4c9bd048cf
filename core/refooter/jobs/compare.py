"""What a restore does with one entry of a backup: a pure decision, and the change that it comes to."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Final

from refooter.catalog.changes import NO_ROW, Change, digest
from refooter.catalog.present import Present
from refooter.catalog.snapshot import CopiedRow
from refooter.catalog.version import CatalogVersion
from refooter.events import INSERTED
from refooter.values import Cause, Outcome

# A higher one is an engine's that we do not know: left alone, on either side.
_NEWEST_VERSION: Final = 2


class Fate(StrEnum):
    """What becomes of an entry."""

    UNCHANGED = "unchanged"
    RESTORE = "restore"
    INSERT = "insert"
    VANISHED = "vanished"
    UNNAMED = "unnamed"
    RETIRED = "retired"
    NEWER = "newer"
    OTHER_FILE = "other_file"


SENTENCES: Final = {
    Fate.UNCHANGED: "the entry is as the backup has it",
    Fate.VANISHED: "the entry vanished since the backup, and a partition still names its file: --missing brings it back",
    Fate.UNNAMED: "the entry vanished since the backup, and no partition names its file any more",
    Fate.RETIRED: "its partitions were retired since the backup",
    Fate.NEWER: f"a format version above {_NEWEST_VERSION} is left alone",
    Fate.OTHER_FILE: "the partition rows now give the file another size than the backup does",
}
"""Of those that are not written."""


def fate(row: CopiedRow, now: Present, catalog: CatalogVersion, *, missing: bool) -> Fate:
    """`missing`: rows that vanished come back, while a partition names their file."""
    assert row.value is not None, "an entry"
    entry = now.entry
    versions = [row.version] if entry is None else [row.version, entry.version]
    if entry is None and not now.partitions:
        return Fate.UNNAMED
    if entry is not None and _same(row, now, catalog):
        return Fate.UNCHANGED
    if entry is not None and row.partitions and not now.partitions:
        return Fate.RETIRED
    if any(version is not None and version > _NEWEST_VERSION for version in versions):
        return Fate.NEWER
    if entry is None and not missing:
        return Fate.VANISHED
    then = {one.file_size for one in row.partitions if one.file_size is not None}
    sizes = {one.file_size for one, _ in now.partitions if one.file_size is not None}
    if then and sizes and not then & sizes:
        return Fate.OTHER_FILE
    return Fate.INSERT if entry is None else Fate.RESTORE


def _same(row: CopiedRow, now: Present, catalog: CatalogVersion) -> bool:
    assert now.entry is not None
    assert row.value is not None
    return (
        now.entry.version == _version_now(row.version, catalog)
        and not any(stamp["from"] != stamp["to"] for stamp in _stamps(row, now, catalog))
        and now.entry.size == len(row.value)
        and now.entry.digest == digest(row.value)
    )


def _version_now(recorded: int | None, catalog: CatalogVersion) -> int | None:
    """A version from the backup, as this catalog would say it: one of version 4 has none."""
    return catalog.as_now(recorded) if catalog.has_format_version else None


def _stamps(row: CopiedRow, now: Present, catalog: CatalogVersion) -> list[dict[str, object]]:
    """What the partition rows that still exist have and get, for `Change.stamps`."""
    then = {one.identity: one.version for one in row.partitions}
    return [
        {"identity": json.loads(identity), "from": one.version, "to": _version_now(then[one.identity], catalog)}
        for one, identity in now.partitions
        if one.identity in then and not max(one.version or 0, then[one.identity] or 0) > _NEWEST_VERSION
    ]


def change_of(row: CopiedRow, now: Present, catalog: CatalogVersion) -> Change:
    """From what is there now to what the backup has; for `Fate.RESTORE` and `Fate.INSERT`. A value that stays is not written."""
    assert row.value is not None
    assert row.file_path is not None
    new = digest(row.value)
    old = NO_ROW if now.entry is None else now.entry.digest
    return Change(
        file_path=row.file_path,
        old_digest=old,
        old_version=None if now.entry is None else now.entry.version,
        new_digest=new,
        new_value=None if old == new else row.value,
        new_version=_version_now(row.version, catalog),
        partitions=None,
        cause=Cause.NONE.value,
        repair=INSERTED if now.entry is None else "backup",
        proved=False,
        stamps=tuple(_stamps(row, now, catalog)),
        done=Outcome.RESTORED,
        insert_time=row.insert_time,
    )
