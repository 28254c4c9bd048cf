"""The lake in counts, and in the one sentence on top. What was not scanned is never counted as fine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from refooter.values import PG_EPOCH, TIME_INFINITY, FileState, Status, time_text
from refooter_tui.model.codes import (
    BROKEN,
    CAUSES,
    FILE_STATES,
    OUTCOMES,
    STATUSES,
    UNDECODABLE,
    UNKNOWN,
    Codes,
    among,
    code_of,
)
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.table import EntryTable


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the entries that the catalog still has. `statuses`, `causes`, `file_states` and `outcomes` are by code.

    `mendable`: broken entries that a proved repair mends without a read. `first`: the earliest finite insert
    time of a broken one (microseconds since 2000-01-01 UTC).
    """

    entries: int
    statuses: tuple[int, ...]
    causes: tuple[int, ...]
    file_states: tuple[int, ...]
    outcomes: tuple[int, ...]
    orphans: int
    retired: int
    mendable: int
    first: int | None

    def count(self, status: Status) -> int:
        return self.statuses[code_of(status)]

    @property
    def scanned(self) -> int:
        return self.entries - self.statuses[UNKNOWN]

    @property
    def undecodable(self) -> int:
        return sum(self.statuses[code] for code in UNDECODABLE)

    @property
    def missing(self) -> int:
        """Entries whose file is known to be gone."""
        return self.file_states[code_of(FileState.MISSING)]

    def parts(self) -> tuple[str, ...]:
        """The sentence on top in its parts, the most important first; to be joined by semicolons."""
        if not self.entries:
            return ("no entries",)
        if not self.scanned:
            return (f"{_entries(self.entries)}, none of them scanned yet",)
        said = [self._verdict()]
        if self.first is not None:
            said.append(f"first at {_minute(self.first)} UTC")
        known = []
        if self.mendable:
            known.append(f"{self.mendable:,} mendable without a read")
        if self.missing:
            known.append(f"{self.missing:,} {'file' if self.missing == 1 else 'files'} missing")
        if known:
            said.append(", ".join(known))
        if stale := self.count(Status.STALE):
            said.append(f"{stale:,} out of date")
        if unknown := self.statuses[UNKNOWN]:
            said.append(f"{unknown:,} not scanned")
        return tuple(said)

    def sentence(self) -> str:
        return "; ".join(self.parts())

    def _verdict(self) -> str:
        bad, harmful = self.undecodable, self.count(Status.HARMFUL)
        scanned = f"{self.scanned:,} scanned"
        if bad:
            also = f", {harmful:,} {_answers(harmful)}" if harmful else ""
            return f"{bad:,} of {scanned} {'does' if bad == 1 else 'do'} not decode{also}"
        if harmful:
            return f"{harmful:,} of {scanned} {'decodes' if harmful == 1 else 'decode'}, but {_answers(harmful)}"
        if self.scanned < self.entries:
            return f"no damage found in the {scanned} so far"
        return f"all {scanned} decode, and nothing is broken" if self.scanned > 1 else "the only entry is not broken"


def summarise(table: EntryTable) -> Summary:
    """Counts of a million entries take a few milliseconds."""
    entries = len(table)
    live = None if not table.retired_count else ~table.retired[:entries]

    def of(name: str) -> Codes:
        column: Codes = table.column(name)[:entries]
        return column if live is None else column[live]

    status = of("status")
    return Summary(
        entries=len(status),
        statuses=_counts(status, len(STATUSES)),
        causes=_counts(of("cause"), len(CAUSES)),
        file_states=_counts(of("file_state"), len(FILE_STATES)),
        outcomes=_counts(of("outcome"), len(OUTCOMES)),
        orphans=int(np.count_nonzero(of("orphan"))),
        retired=entries - len(status),
        mendable=int(np.count_nonzero(of("mendable").view(np.bool_) & among(status, BROKEN))),
        first=first_broken(table),
    )


def _counts(codes: Codes, kinds: int) -> tuple[int, ...]:
    # A comparison a code is faster than a bincount, which wants eight bytes for each.
    return tuple(int(np.count_nonzero(codes == code)) for code in range(kinds))


def first_broken(table: EntryTable) -> int | None:
    """The earliest finite insert time of a broken entry; `None` where there is none."""
    status = table.status
    times = table.insert_time[: len(status)]
    times = times[among(status, BROKEN) & ~table.retired[: len(status)]]
    times = times[(times > TIME_MISSING) & (times < TIME_INFINITY)]
    return int(times.min()) if len(times) else None


def by_view(table: EntryTable) -> npt.NDArray[np.int64]:
    """Entries by view (the index into `table.views`) and status code."""
    entries, views, kinds = len(table), len(table.views), len(STATUSES)
    keys = table.view[:entries] * kinds + table.status[:entries]
    if table.retired_count:
        keys = keys[~table.retired[:entries]]
    return (
        np.bincount(keys, minlength=views * kinds)[: views * kinds].reshape(views, kinds).astype(np.int64, copy=False)
    )


def by_error(table: EntryTable, cause: int) -> list[tuple[int, int]]:
    """The parser's messages (index into `table.errors`, -1 for none) of entries whose worst cause has this code, with how many each, the
    most frequent first."""
    entries = len(table)
    wanted = table.cause[:entries] == cause
    if table.retired_count:
        wanted &= ~table.retired[:entries]
    counts = np.bincount(table.error[:entries][wanted] + 1)
    found = [(int(index) - 1, int(counts[index])) for index in np.flatnonzero(counts)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _answers(count: int) -> str:
    return "answers wrongly or fails" if count == 1 else "answer wrongly or fail"


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def _minute(micros: int) -> str:
    """`2025-06-14 09:12`, in UTC."""
    try:
        return f"{PG_EPOCH + timedelta(microseconds=micros):%Y-%m-%d %H:%M}"
    except OverflowError:
        return time_text(micros) or ""
