"""A scan's rows, or what a run could not do, saved to a file: what `export` does, as a job."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from refooter.catalog.selection import Selection
from refooter.errors import UsageError
from refooter.events import EntriesDone, Event, Finished
from refooter.jobs.export import RowFile, export_run, of_selection
from refooter.jobs.lake import Lake
from refooter.jobs.off_loop import in_thread
from refooter.jobs.scan import scan
from refooter.store.shown import shown, words_of


@dataclass(frozen=True, slots=True)
class Saved:
    """Where the rows are now, and how many."""

    target: str
    rows: int


async def save(
    lake: Lake, target: str, selection: Selection, *, run_id: int | None = None, overwrite: bool = False
) -> AsyncGenerator[Event | Saved, None]:
    """Judges the selection, or with `run_id` what of it that run could not do, and writes a row for each to `target`: local or
    remote, CSV, JSON lines or Parquet by its ending. Ends with `Saved`.

    Raises `UsageError` where something is there already and `overwrite` is not given, or where nothing can be written there;
    `ExportFailed` later. After an error, or when it is left early, nothing new is there.
    """
    rows = RowFile(target)
    if not overwrite and await in_thread(_is_there, target):
        raise UsageError(f"{rows.target} is there already: name another file, or allow it to be overwritten")
    await in_thread(rows.__enter__)
    try:
        events = scan(lake, selection) if run_id is None else export_run(lake, run_id)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, EntriesDone):
                    results = event.results if run_id is None else of_selection(selection, event.results)
                    await in_thread(rows.write, results)
                elif not isinstance(event, Finished):
                    yield event
    except BaseException as error:
        await in_thread(rows.__exit__, type(error), error, error.__traceback__)
        raise
    await in_thread(rows.__exit__, None, None, None)
    yield Saved(rows.target, rows.rows)


def _is_there(target: str) -> bool:
    if "://" not in target or target.startswith("file://"):
        return Path(target.removeprefix("file://")).exists()
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(target)
        return bool(filesystem.exists(path))
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"cannot write {shown(target)}: {words_of(error, target)}; name a place that can be written"
        ) from None
