"""How fast entries are scanned, beside the bare limits: reading them from PostgreSQL alone, judging them alone."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from ground import make_catalog, mixed_values, server
from processor import ProcessorTime, processor_time
from rich.console import Console
from rich.table import Table
from verdicts import not_judged, verdict_only

from refooter.catalog.selection import EVERYTHING
from refooter.demo.bulk import Template
from refooter.demo.server import Server
from refooter.diagnosis import diagnose
from refooter.diagnosis.safely import undiagnosed
from refooter.events import Finished, ScanSummary
from refooter.jobs.lake import Session
from refooter.jobs.scan import scan
from refooter.loop import run
from refooter.settings import Settings
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Question

_PAGE = 500
_AT_ONCE = 4


@dataclass(frozen=True)
class Line:
    what: str
    seconds: float
    used: ProcessorTime


def copy_out(dsn: str, entries: int) -> None:
    """Path and value of every entry by one binary COPY, the bytes thrown away."""
    query = "COPY (SELECT file_path, metadata FROM partition_metadata ORDER BY file_path) TO STDOUT (FORMAT binary)"
    received = 0
    with psycopg.connect(dsn) as connection, connection.cursor().copy(query) as copy:
        for block in copy:
            received += len(block)
    assert received > entries * 1000


def fetch_pages(dsn: str, entries: int) -> None:
    """The same by pages of the primary key, as Python objects."""
    after, count = "", 0
    query = "SELECT file_path::text, metadata FROM partition_metadata WHERE file_path > %s ORDER BY file_path LIMIT %s"
    with psycopg.connect(dsn) as connection, connection.cursor(binary=True) as cursor:
        while rows := cursor.execute(query, (after, _PAGE)).fetchall():
            after, count = rows[-1][0], count + len(rows)
    assert count == entries


async def _examine(judges: Judges[object], questions: list[Question], entries: int) -> None:
    """`entries` values through the workers, several pages at once."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def page(count: int) -> None:
        async with slots:
            await judges.examine([questions[at % len(questions)] for at in range(count)])

    pages = [min(_PAGE, entries - done) for done in range(0, entries, _PAGE)]
    await asyncio.gather(*(page(count) for count in pages))


async def _scan(session: Session, entries: int) -> None:
    async with session.open() as lake:
        async for event in scan(lake, EVERYTHING):
            if isinstance(event, Finished):
                assert isinstance(event.summary, ScanSummary)
                assert event.summary.entries == entries


def _timed(what: str, running: Server, workers: tuple[int, ...], work: Callable[[], None]) -> Line:
    before = processor_time(workers, running.pid)
    began = time.perf_counter()
    work()
    return Line(what, time.perf_counter() - began, processor_time(workers, running.pid) - before)


def _questions(templates: tuple[Template, ...]) -> list[Question]:
    return [Question(one.value, one.num_rows, one.file_size, (one.version,)) for one in templates]


def measure(entries: int) -> Iterator[Line]:
    ground = mixed_values()
    print(f"{entries:,} entries, {ground.described}", flush=True)
    questions = _questions(ground.templates)
    with server() as running:
        dsn = make_catalog(running, "scan", entries, ground.templates)
        yield _timed("COPY out", running, (), lambda: copy_out(dsn, entries))
        yield _timed("pages fetched", running, (), lambda: fetch_pages(dsn, entries))
        parser: Judges[object] = Judges(ARROW_57, verdict_only, not_judged)
        with parser:
            work = lambda: run(_examine(parser, questions, entries))  # noqa: E731
            yield _timed("target parser", running, parser.pids, work)
        decoder: Judges[object] = Judges(ARROW_57, diagnose, undiagnosed)
        with decoder:
            work = lambda: run(_examine(decoder, questions, entries))  # noqa: E731
            yield _timed("parser and diagnosis", running, decoder.pids, work)
        with Session(Settings(dsn=dsn)) as session:
            work = lambda: run(_scan(session, entries))  # noqa: E731
            yield _timed("refooter scan", running, session.judges.pids, work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000)
    entries = parser.parse_args().entries
    table = Table("what", "s", "entries/s", "scan takes", title="scan")
    for name in ("parent", "workers", "postgres"):
        table.add_column(f"{name} ms/entry", justify="right")
    lines = list(measure(entries))
    for line in lines:
        used = (line.used.parent, line.used.workers, line.used.postgres)
        table.add_row(
            line.what,
            f"{line.seconds:.2f}",
            f"{entries / line.seconds:,.0f}",
            f"x {lines[-1].seconds / line.seconds:.2f}",
            *(f"{seconds / entries * 1000:.3f}" for seconds in used),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
