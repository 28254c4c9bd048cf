"""A scan's rows, or what a run could not do, saved to a file: what `export` does, as a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from refooter.catalog.selection import Selection
from refooter.errors import UsageError
from refooter.events import EntriesDone, Event, Finished
from refooter.jobs.export import RowFile, export_run, of_selection
from refooter.jobs.lake import Lake
from refooter.jobs.scan import scan

P = ParamSpec("P")
T = TypeVar("T")


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
    if not overwrite and await _in_thread(_is_there, target):
        raise UsageError(f"{target} is there already: name another file, or allow it to be overwritten")
    await _in_thread(rows.__enter__)
    try:
        events = scan(lake, selection) if run_id is None else export_run(lake, run_id)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, EntriesDone):
                    results = event.results if run_id is None else of_selection(selection, event.results)
                    await _in_thread(rows.write, results)
                elif not isinstance(event, Finished):
                    yield event
    except BaseException as error:
        await _in_thread(rows.__exit__, type(error), error, error.__traceback__)
        raise
    await _in_thread(rows.__exit__, None, None, None)
    yield Saved(target, rows.rows)


async def _in_thread(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Off the event loop; and over before anybody goes on, cancelled or not, since a file is no place for two threads."""
    work = asyncio.ensure_future(asyncio.to_thread(call, *args, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise


def _is_there(target: str) -> bool:
    if "://" not in target or target.startswith("file://"):
        return Path(target.removeprefix("file://")).exists()
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(target)
        return bool(filesystem.exists(path))
    except (OSError, ValueError, ImportError) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"cannot write {target}: {said}") from None
