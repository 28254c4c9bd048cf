"""How fast entries are migrated, beside the script that this replaces, at 0 and 20 ms a store request."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import psycopg
from first_plan import first_plan
from ground import STORE, broken_entries, checkpoint, clone, make_catalog, server
from latency_store import LatencyStore
from processor import ProcessorTime, processor_time
from rich.console import Console
from rich.table import Table

from refooter.catalog.selection import EVERYTHING
from refooter.demo.server import Server
from refooter.events import Finished, RunSummary
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Session
from refooter.jobs.migrate import migrate
from refooter.loop import run
from refooter.settings import Settings
from refooter.values import Outcome


@dataclass(frozen=True)
class Line:
    who: str
    delay: float
    concurrency: int
    entries: int
    seconds: float
    used: ProcessorTime

    @property
    def rate(self) -> float:
        return self.entries / self.seconds

    @property
    def limit(self) -> float:
        """Entries a second if this machine's cores did nothing else: what a busy machine does not hide."""
        used = self.used.parent + self.used.workers + self.used.postgres + self.used.store
        return self.entries / used * len(os.sched_getaffinity(0))


async def _migrate(session: Session, strategy: Strategy) -> tuple[RunSummary, float]:
    async with session.open() as lake:
        began = time.perf_counter()
        async for event in migrate(lake, EVERYTHING, MigrateOptions(strategy)):
            if isinstance(event, Finished):
                assert isinstance(event.summary, RunSummary)
                return event.summary, time.perf_counter() - began
    raise AssertionError("the run ended without a summary")


def measure_migrate(
    running: Server, dsn: str, store: LatencyStore, delay: float, concurrency: int, entries: int, strategy: Strategy
) -> Line:
    """One whole migration, checked to have migrated everything."""
    with Session(Settings(dsn=dsn, store=STORE, concurrency=concurrency)) as session:
        before = processor_time(session.judges.pids, running.pid, store.process)
        summary, seconds = run(_migrate(session, strategy))
        used = processor_time(session.judges.pids, running.pid, store.process) - before
    assert summary.count(Outcome.MIGRATED) == entries, summary
    return Line(f"refooter, {strategy}", delay, concurrency, entries, seconds, used)


def measure_first_plan(running: Server, dsn: str, store: LatencyStore, delay: float, sample: int) -> Line:
    before = processor_time((), running.pid, store.process)
    seconds = first_plan(dsn, store.url, sample)
    return Line("first plan", delay, 1, sample, seconds, processor_time((), running.pid, store.process) - before)


def _check(dsn: str, footers: list[bytes], entries: int) -> None:
    """Every value is the file's own footer, byte for byte."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM partition_metadata WHERE metadata = ANY(%s)", (footers,)
        ).fetchone()
    assert row == (entries,), row


def measure(
    entries: int, sample: int, delays: list[float], concurrencies: list[int], strategies: list[Strategy], *, small: bool
) -> Iterator[Line]:
    ground = broken_entries(small=small)
    print(f"{entries:,} entries, {ground.described}; the first plan on a sample of {sample}", flush=True)
    with server() as running:
        make_catalog(running, "source", entries, ground.templates)
        for delay in delays:
            with LatencyStore(ground.files, delay) as store:
                os.environ.update(store.environment())
                yield measure_first_plan(running, clone(running, "source", "run"), store, delay, sample)
                running.drop_database("run")
                for concurrency, strategy in product(concurrencies, strategies):
                    dsn = clone(running, "source", "run")
                    yield measure_migrate(running, dsn, store, delay, concurrency, entries, strategy)
                    _check(dsn, ground.footers, entries)
                    running.drop_database("run")
                    checkpoint(running)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=300, help="entries that the first plan's script mends")
    parser.add_argument("--delay", type=float, nargs="+", default=[0, 20], help="milliseconds a store request")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--strategy", nargs="+", default=["refetch", "auto"])
    parser.add_argument("--small", action="store_true", help="values of 9 KB, and so footers of 7 KB")
    options = parser.parse_args()
    table = Table(
        "who", "delay ms", "at once", "entries", "s", "entries/s", "ratio", "limit by cores", title="migration"
    )
    for name in ("parent", "workers", "postgres", "store"):
        table.add_column(f"{name} ms/entry", justify="right")
    base: dict[float, float] = {}
    delays = [milliseconds / 1000 for milliseconds in options.delay]
    strategies = [Strategy(name) for name in options.strategy]
    for line in measure(options.entries, options.sample, delays, options.concurrency, strategies, small=options.small):
        base.setdefault(line.delay, line.rate)
        used = (line.used.parent, line.used.workers, line.used.postgres, line.used.store)
        table.add_row(
            line.who,
            f"{line.delay * 1000:g}",
            str(line.concurrency),
            f"{line.entries:,}",
            f"{line.seconds:.1f}",
            f"{line.rate:,.0f}",
            f"{line.rate / base[line.delay]:.1f}",
            f"{line.limit:,.0f}" if line.concurrency > 1 else "",
            *(f"{seconds / line.entries * 1000:.3f}" for seconds in used),
        )
        print(f"{line.who} at {line.delay * 1000:g} ms, {line.concurrency} at once: {line.rate:,.0f}/s", flush=True)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
