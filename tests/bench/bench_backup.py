"""Backup and restore by the number of entries: speed, and the peak memory of the program (not of PostgreSQL)."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from ground import broken_values, checkpoint, make_catalog, server
from rich.console import Console
from rich.table import Table

from refooter.demo.server import Server
from refooter.events import BackupSummary, Finished, RunSummary
from refooter.jobs.backup import backup
from refooter.jobs.lake import Session
from refooter.jobs.restore import open_backup, restore
from refooter.loop import run
from refooter.settings import Settings

_MB = 1_000_000
# Not one value is as the backup has it.
_SPOIL = "UPDATE partition_metadata SET metadata = metadata || '\\x00'"


async def _measured(job: str, dsn: str, target: str) -> dict[str, Any]:
    async with Session(Settings(dsn=dsn), judging=False).open() as lake:
        began = time.perf_counter()
        if job == "backup":
            async for event in backup(lake, target):
                if isinstance(event, Finished):
                    assert isinstance(event.summary, BackupSummary)
                    size = event.summary.value_bytes
        else:
            opened = await open_backup(lake, target)
            size = opened.facts.value_bytes
            verified = time.perf_counter()
            if job == "restore":
                began = verified
                async for event in restore(lake, opened):
                    if isinstance(event, Finished):
                        assert isinstance(event.summary, RunSummary)
                        assert event.summary.state == "finished"
                        assert event.summary.unchanged == 0
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "bytes": size, "peak": peak}


def _in_a_program_of_its_own(job: str, dsn: str, target: Path) -> dict[str, Any]:
    said = subprocess.run(
        [sys.executable, __file__, "--job", job, dsn, str(target)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def _measure(running: Server, entries: int, directory: Path, table: Table) -> None:
    dsn = make_catalog(running, "backup", entries, broken_values().templates)
    target = directory / f"{entries}.parquet"
    for job in ("backup", "verify", "restore"):
        if job == "restore":
            with psycopg.connect(dsn) as connection:
                connection.execute(_SPOIL)
            checkpoint(running)
        found = _in_a_program_of_its_own(job, dsn, target)
        table.add_row(
            job,
            f"{entries:,}",
            f"{found['seconds']:.1f}",
            f"{entries / found['seconds']:,.0f}",
            f"{found['bytes'] / found['seconds'] / _MB:,.0f}",
            f"{found['peak'] / _MB:,.0f}",
            f"{target.stat().st_size / _MB:,.1f}",
        )
    running.drop_database("backup")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run(_measured(*options.job))))
        return
    table = Table("job", "entries", "s", "entries/s", "MB/s", "peak MB", "file MB", title="backup and restore")
    with server() as running, tempfile.TemporaryDirectory(prefix="refooter-bench-") as directory:
        for entries in options.entries:
            _measure(running, entries, Path(directory), table)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
