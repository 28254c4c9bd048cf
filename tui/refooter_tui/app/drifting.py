"""What of a plan is no longer so: for each entry that changed what it was known to be when the plan was made, and what it is now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text

from refooter.jobs.drift import Drift
from refooter.values import Cause, EntryResult, Status
from refooter_tui.cli.render import STATUS_STYLES, entries, gap, number, say, table
from refooter_tui.model.codes import CAUSES, NO_CODE, STATUSES, Codes
from refooter_tui.model.table import EntryTable

_MOST_PATHS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What the app knew of every entry at one moment: two bytes an entry."""

    status: Codes
    cause: Codes

    @classmethod
    def of(cls, entries_table: EntryTable) -> Known:
        return cls(entries_table.status.copy(), entries_table.cause.copy())

    def at(self, row: int | None) -> tuple[Status, Cause | None]:
        """Of a row; of one that came later, or of none, that nothing was known."""
        if row is None or row >= len(self.status):
            return Status.UNKNOWN, None
        code = int(self.cause[row])
        return STATUSES[int(self.status[row])], None if code == NO_CODE else CAUSES[code]


def show_drift(console: Console, drift: Drift, known: Known, entries_table: EntryTable) -> None:
    """By what entries were and are, the most frequent first, and the first paths of all."""
    total = drift.total
    say(console, f"{entries(total)} {'is' if total == 1 else 'are'} not as the plan had it any more.", "bold")
    counts = Counter(_from_to(one, known, entries_table) for one in drift.changed_entries)
    rows = [[number(count), before, after] for (before, after), count in counts.most_common()]
    if unseen := drift.changed - len(drift.changed_entries):
        rows.append([number(unseen), "changed", "not looked at: there are too many"])
    if drift.gone:
        rows.append([number(drift.gone), "planned", "gone: retired, or no longer among what was selected"])
    if drift.new:
        rows.append([number(drift.new), "not there", "new among what was selected"])
    table(console, [("entries", "number"), ("as planned", "fold"), ("now", "fold")], rows)
    paths = [*(one.file_path for one in drift.changed_entries), *drift.gone_paths, *drift.new_paths]
    gap(console)
    for path in paths[:_MOST_PATHS]:
        say(console, path, "dim")
    if total > _MOST_PATHS:
        say(console, f"and {number(total - _MOST_PATHS)} more", "dim")
    gap(console)
    say(
        console,
        "Every entry is read and judged once more as it is migrated: what it is then is what the run goes by, not the plan.",
    )


def _from_to(one: EntryResult, known: Known, entries_table: EntryTable) -> tuple[str, str]:
    before = known.at(entries_table.row_of(one.file_path))
    return _word(*before), _word(one.diagnosis.status, one.diagnosis.cause)


def _word(status: Status, cause: Cause | None) -> str:
    symbol = STATUS_STYLES[status][1]
    said = Text(f"{symbol} {status.value}")
    if cause is not None and cause is not Cause.NONE:
        said.append(f" {cause.value}")
    return said.plain
