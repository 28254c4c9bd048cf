"""Peak memory of scan and migrate by the number of entries: the program and its workers, not PostgreSQL or the store."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import psutil
from ground import Ground, broken_values, make_catalog, mixed_values, server
from latency_store import LatencyStore
from rich.console import Console
from rich.table import Table

from refooter.demo.server import Server

_EVERY_SECONDS = 0.02
_CHILDREN_EVERY = 25
_MB = 1_000_000


@dataclass(frozen=True)
class Peak:
    """Bytes. `together`: the most that all processes held at one moment, shared pages once (PSS).

    `parent` and `workers` are the most of each, which need not have been at that moment; `rss` counts shared pages each time.
    """

    job: str
    entries: int
    together: int
    parent: int
    workers: int
    rss: int


def _rss(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(process.memory_full_info().pss)
    return 0


def peak_of(job: str, dsn: str, entries: int, environment: dict[str, str]) -> Peak:
    """Runs the job in a program of its own and watches it and its children until it ends.

    Counting shared pages once costs the watched processes time, so that is done only where RSS is higher than ever, or nearly.
    """
    program = Path(__file__).with_name("measured_job.py")
    running = subprocess.Popen(
        [sys.executable, str(program), job, dsn, str(entries)], env={**os.environ, **environment}
    )
    parent = psutil.Process(running.pid)
    children: list[psutil.Process] = []
    together = parents = workers = rss = ticks = 0
    while True:
        with suppress(subprocess.TimeoutExpired):
            running.wait(_EVERY_SECONDS)
            break
        if ticks % _CHILDREN_EVERY == 0:
            with suppress(psutil.NoSuchProcess):
                children = parent.children(recursive=True)
        ticks += 1
        now = _rss(parent) + sum(map(_rss, children))
        if now > rss * 0.99 and (now > rss or ticks % _CHILDREN_EVERY == 0):
            own, theirs = _pss(parent), sum(map(_pss, children))
            together = max(together, own + theirs)
            parents, workers = max(parents, own), max(workers, theirs)
        rss = max(rss, now)
    if running.returncode:
        raise RuntimeError(f"the measured {job} ended with {running.returncode}")
    return Peak(job, entries, together, parents, workers, rss)


def _measure(running: Server, job: str, entries: int, ground: Ground) -> Peak:
    dsn = make_catalog(running, "memory", entries, ground.templates)
    with LatencyStore(ground.files, 0.0) as store:
        peak = peak_of(job, dsn, entries, store.environment())
    running.drop_database("memory")
    return peak


def measure(jobs: list[str], sizes: list[int]) -> Iterator[Peak]:
    with server() as running:
        for job in jobs:
            for entries in sizes:
                yield _measure(running, job, entries, broken_values() if job == "migrate" else mixed_values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", nargs="+", choices=["scan", "migrate"], default=["scan", "migrate"])
    parser.add_argument("--entries", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--million", action="store_true", help="and a scan of 1,000,000 entries")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each measurement, and nothing else")
    options = parser.parse_args()
    table = Table("job", "entries", "peak MB", "more MB", "parent", "workers", "RSS", title="memory")
    first: dict[str, Peak] = {}
    million = measure(["scan"], [1_000_000]) if options.million else ()
    for peak in chain(measure(options.job, options.entries), million):
        if options.json:
            print(json.dumps(asdict(peak)), flush=True)
        more = peak.together - first.setdefault(peak.job, peak).together
        sizes = (peak.together, more, peak.parent, peak.workers, peak.rss)
        table.add_row(peak.job, f"{peak.entries:,}", *(f"{size / _MB:.1f}" for size in sizes))
    if not options.json:
        Console(width=100).print(table)


if __name__ == "__main__":
    main()
