"""What writing costs a database, in bytes: measured for values of 8 KB (write-ahead log, dead row versions, before images)."""

from __future__ import annotations

from dataclasses import dataclass

_WAL_PER_BYTE, _TABLE_PER_BYTE, _JOURNAL_PER_BYTE = 13 / 8, 4.4 / 8, 4.6 / 8
# Two small rows and a line in the journal, without any value.
_STAMP_WAL, _STAMP_TABLE, _STAMP_JOURNAL = 900, 300, 400


@dataclass(slots=True)
class Growth:
    """Adds up."""

    wal: float = 0.0
    table: float = 0.0
    journal: float = 0.0

    def stamp(self) -> None:
        self.wal, self.table, self.journal = (
            self.wal + _STAMP_WAL,
            self.table + _STAMP_TABLE,
            self.journal + _STAMP_JOURNAL,
        )

    def value(self, new: int, old: int) -> None:
        """A value of `new` bytes written over one of `old` bytes, which goes into the journal."""
        self.stamp()
        self.wal += max(new, old) * _WAL_PER_BYTE
        self.table += new * _TABLE_PER_BYTE
        self.journal += old * _JOURNAL_PER_BYTE
