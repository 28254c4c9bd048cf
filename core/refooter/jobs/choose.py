"""A selection among entries that SQL cannot be asked for, since some of their rows are gone: a run's changes, a backup's rows."""

from __future__ import annotations

from collections.abc import Sequence

from refooter.catalog.pages import read_entries
from refooter.catalog.selection import Selection
from refooter.jobs.examine import judged
from refooter.jobs.lake import Lake
from refooter.values import Entry


class Chooser:
    """Says which entries a selection means. An entry is taken as it is now; of one that is gone whoever asks says what it was."""

    def __init__(self, lake: Lake, selection: Selection) -> None:
        self._lake = lake
        self._selection = selection
        self._paths = None if selection.paths is None else frozenset(selection.paths)

    async def chosen(self, entries: Sequence[Entry], gone: frozenset[str] = frozenset()) -> set[str]:
        """The paths of those that are selected. What is `gone` has no status and no cause."""
        if self._selection.everything:
            return {entry.file_path for entry in entries}
        found = [entry for entry in entries if self._named(entry)]
        if not (self._selection.statuses or self._selection.causes):
            return {entry.file_path for entry in found}
        there = [entry.file_path for entry in found if entry.file_path not in gone]
        pairs = await judged(self._lake, await read_entries(self._lake.database, there)) if there else []
        return {entry.file_path for entry, diagnosis in pairs if self._selection.judges(diagnosis)}

    def _named(self, entry: Entry) -> bool:
        wanted = self._selection
        if self._paths is not None and entry.file_path not in self._paths:
            return False
        view_set, instance = entry.view
        if wanted.views and not any(
            view.set == view_set and view.instance in (None, instance) for view in wanted.views
        ):
            return False
        at = entry.insert_time
        if wanted.since is not None and (at is None or at < wanted.since):
            return False
        return wanted.until is None or (at is not None and at < wanted.until)
