"""What a million entries cost the app: memory, and the time of everything that a key can ask of the model."""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import psutil
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from refooter.values import HEALTHY, Cause, Diagnosis, EntryResult, Layout, Status
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.filter import parse
from refooter_tui.model.order import SORTABLE, Sort, take
from refooter_tui.model.selection import Selection
from refooter_tui.model.summary import by_view, summarise
from refooter_tui.model.table import EntryTable
from refooter_tui.model.timeline import Timeline

_BATCH = 20_000
_SETS = ("async_events", "blocks", "log_entries", "log_stats", "measures", "processes", "streams", "thread_spans")
_BROKEN = Diagnosis(
    Status.LEGACY,
    Cause.PAGE_INDEX_PREFIX,
    (Cause.PAGE_INDEX_PREFIX,),
    Layout.PREFIXED,
    "Required field num_rows is missing",
)


def batches(entries: int, instances: int, *, ordered: bool) -> Iterator[pa.RecordBatch]:
    """A listing of `entries` with paths of 110 characters and more; a `blocks` of old, then per-process views."""
    numbers = random.Random(7)
    ids = [f"{numbers.getrandbits(128):032x}" for _ in range(instances)]
    drawn = np.random.default_rng(7)
    for first in range(0, entries, _BATCH):
        count = min(_BATCH, entries - first)
        views = [(_SETS[n * len(_SETS) // entries], ids[n * instances // entries]) for n in range(first, first + count)]
        paths = [
            f"views/{view}/{instance}/2025-06-{1 + n % 28:02}/09-12-{n % 60:02}_{numbers.getrandbits(128):032x}.parquet"
            for n, (view, instance) in enumerate(views)
        ]
        yield pa.record_batch(
            {
                "file_path": pa.array(sorted(paths) if ordered else paths, pa.large_string()),
                "blob_size": pa.array(drawn.integers(800, 20_000, count)),
                "version": pa.array(drawn.integers(1, 3, count), pa.int32()),
                "insert_time": pa.array(drawn.integers(800_000_000_000_000, 803_000_000_000_000, count)),
                "partitions": pa.array(np.ones(count, np.int32)),
                "num_rows": pa.array(drawn.integers(1, 10**6, count)),
                "file_size": pa.array(drawn.integers(10**4, 10**9, count)),
                "view_set": pa.array([view for view, _ in views]),
                "view_instance": pa.array([instance for _, instance in views]),
            }
        )


def results(table: EntryTable, rows: range, share: float) -> list[EntryResult]:
    """What a scan says of rows, a share of them broken."""
    drawn = random.Random(rows.start)
    return [
        EntryResult(
            file_path=table.path(row),
            view_set=None,
            view_instance=None,
            diagnosis=_BROKEN if drawn.random() < share else HEALTHY,
            blob_size=int(table.blob_size[row]),
            catalog_num_rows=int(table.num_rows[row]),
            file_size=int(table.file_size[row]),
            format_version=1,
            insert_time=int(table.insert_time[row]) if table.insert_time[row] != TIME_MISSING else None,
            orphan=False,
        )
        for row in rows
    ]


def milliseconds(work: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """Median and maximum."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begun))
    return sorted(taken)[len(taken) // 2], max(taken)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=1_000_000)
    options.add_argument("--instances", type=int, default=3_000)
    options.add_argument("--unordered", action="store_true", help="paths in another order than that of their bytes")
    chosen = options.parse_args()
    console = Console()
    made = Table("what", "median ms", "max ms", title=f"{chosen.entries:,} entries")

    process = psutil.Process()
    # What making the batches leaves behind in this process is not the table's.
    for _ in batches(5 * _BATCH, chosen.instances, ordered=True):
        pass
    gc.collect()
    before = process.memory_info().rss
    table = EntryTable()
    table.reserve(chosen.entries)
    taken = []
    for batch in batches(chosen.entries, chosen.instances, ordered=not chosen.unordered):
        begun = time.perf_counter()
        table.append(batch)
        taken.append(1000 * (time.perf_counter() - begun))
        del batch
    gc.collect()
    pa.default_memory_pool().release_unused()
    memory = process.memory_info().rss - before
    made.add_row(
        f"append {_BATCH:,}, all {sum(taken) / 1000:.1f} s",
        f"{sorted(taken)[len(taken) // 2]:.1f}",
        f"{max(taken):.1f}",
    )

    def row(name: str, work: Callable[[], object], times: int = 5) -> None:
        median, most = milliseconds(work, times)
        made.add_row(name, f"{median:.2f}", f"{most:.2f}")

    step = max(1, len(table) // 50)
    for first in range(0, len(table), step):
        table.judge(results(table, range(first, min(len(table), first + step)), 0.02))
    batch_of_results = results(table, range(0, min(len(table), 300)), 0.5)
    row("judge 300 results", lambda: table.judge(batch_of_results))
    many = results(table, range(0, min(len(table), 2000)), 0.5)
    row("judge 2,000 results", lambda: table.judge(many))
    path = table.path(len(table) // 2)
    row("row_of(path)", lambda: table.row_of(path))

    words = iter(f"{n:03x}{n:03x}" for n in range(100))
    for text in (
        "status:legacy",
        "-status:ok,unknown size:>1M since:2025-06",
        "view:blocks,measures",
        "cause:page_index_prefix",
    ):
        row(f"filter {text}", lambda text=text: parse(text).mask(table))  # type: ignore[misc]
    row("filter WORD, new", lambda: parse(next(words)).mask(table))
    row("filter WORD, known", lambda: parse("000000").mask(table))
    for column in SORTABLE:
        row(f"sort {column}", lambda column=column: take(table, sort=Sort(column, True)), 3)  # type: ignore[misc]
    shown = take(table, parse("status:legacy"), Sort("insert_time"))
    row(f"snapshot of status:legacy by insert_time ({len(shown):,})", lambda: take(table, shown.filter, shown.sort))
    everything = take(table)
    row(
        "position_of, 1,000 times",
        lambda: [everything.position_of(n) for n in range(0, len(table), max(1, len(table) // 1000))],
    )

    def touched() -> None:
        table.judge(batch_of_results)
        shown.refresh(table)

    row("judge 300 and refresh the snapshot", touched)
    selection = Selection(table)
    row("select all shown, count hidden", lambda: (selection.select_shown(shown), selection.hidden(everything)))
    row("next broken", lambda: everything.next_broken(table, 0))

    line = Timeline(table)
    row("timeline 160x5, first", lambda: Timeline(table).bars(160, 5))

    def repainted() -> None:
        table.judge(batch_of_results)
        line.bars(160, 5)

    line.bars(160, 5)
    row("judge 300 and repaint the timeline", repainted)
    row("timeline zoom and paint", lambda: (line.zoom(1.5, 80, 160), line.bars(160, 5)))
    row("summary and sentence", lambda: summarise(table).sentence())
    row("counts by view", lambda: by_view(table))
    gone = [replace(result, file_path=result.file_path + "?") for result in batch_of_results]
    row("judge 300 of unknown paths", lambda: table.judge(gone))

    console.print(made)
    length = sum(len(table.path(n)) for n in range(0, len(table), max(1, len(table) // 1000))) / len(
        range(0, len(table), max(1, len(table) // 1000))
    )
    console.print(
        f"paths of {length:.0f} characters; table: {memory / 1e6:,.0f} MB; process now: {process.memory_info().rss / 1e6:,.0f} MB"
    )
    console.print(summarise(table).sentence())


if __name__ == "__main__":
    main()
