"""A catalog of a million entries, made inside the server: eight view sets, thousands of instances, six months of insert times.

Every value is a real, small one (`log_stats`, 1.3 to 1.6 KB): a third needs nothing, a third only a stamp, a sixth each was
stored behind its page index or without `num_rows`. What is to be done to them can be proved, so that no store is asked.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import psycopg

from refooter.demo.bulk import Template
from refooter.demo.files import Files, ParquetFile, Writer
from refooter.demo.schema import create_catalog
from refooter.demo.values import framed, missing_num_rows, prefixed, raw

INSTANCES: Final = 3_000
# One view each, of a fifth of the entries; the others are a process's own, and share the last fifth.
GLOBAL_SETS: Final = ("blocks", "log_stats", "processes", "streams")
PROCESS_SETS: Final = ("async_events", "log_entries", "measures", "thread_spans")

# In the order of insertion, which is not that of the key, as in a catalog that has grown over months.
_ENTRIES: Final = """
    CREATE TEMP TABLE entry AS
    SELECT n, written, view_set, instance, n %% %(templates)s AS turn,
        format('views/%%s/%%s/%%s/%%s_%%s.parquet', view_set, instance, to_char(written, 'YYYY-MM-DD'),
            to_char(written, 'HH24-MI-SS'), lpad(to_hex(n), 8, '0') || '-0000-4000-8000-000000000000') AS file_path
    FROM (
        SELECT n, timestamptz '2025-06-14 09:12:00Z' + n * (interval '180 days' / %(entries)s) AS written,
            CASE WHEN at < 4 THEN (%(global)s::text[])[at + 1] ELSE (%(process)s::text[])[n / 30 %% 4 + 1] END AS view_set,
            CASE WHEN at < 4 THEN 'global' ELSE md5('process ' || n / 120 %% %(instances)s)::uuid::text END AS instance
        FROM (SELECT n, n / 6 %% 5 AS at FROM generate_series(0, %(entries)s::bigint - 1) AS n) AS numbered
    ) AS named
"""
_METADATA: Final = """
    INSERT INTO partition_metadata SELECT file_path, value, written, version
    FROM entry JOIN template USING (turn) ORDER BY n
"""
_PARTITIONS: Final = """
    INSERT INTO lakehouse_partitions
    SELECT view_set, instance, written, written + interval '1 minute', written, written + interval '1 minute', written,
        file_path, file_size, '\\x01'::bytea, '\\x01'::bytea, num_rows, version
    FROM entry JOIN template USING (turn) ORDER BY n
"""


def _files() -> tuple[ParquetFile, ParquetFile]:
    files = Files(7, date(2026, 3, 2))
    return files.get("log_stats", 0, Writer.OLD), files.get("log_stats", 2, Writer.OLD)


def files_behind() -> list[bytes]:
    """By turns, as `latency_store` has them: a run looks into the store before it writes, even if it needs nothing from there."""
    one, other = _files()
    return [one.data, other.data, one.data, other.data, one.data, other.data]


def templates() -> list[Template]:
    """By turns of six, of the file of the same turn."""
    one, other = _files()
    return [
        Template(framed(one), one.num_rows, len(one.data), 2),
        Template(framed(other), other.num_rows, len(other.data), 1),
        Template(prefixed(one), one.num_rows, len(one.data), 1),
        Template(raw(other), other.num_rows, len(other.data), 2),
        Template(framed(one), one.num_rows, len(one.data), 1),
        Template(missing_num_rows(other), other.num_rows, len(other.data), 1),
    ]


def make_million(dsn: str, entries: int) -> None:
    """Makes the catalog in an empty database; a million entries take about a minute, and 2 GB."""
    with psycopg.connect(dsn) as connection:
        create_catalog(connection)
        connection.execute(
            "CREATE TEMP TABLE template (turn int, value bytea, num_rows bigint, file_size bigint, version int)"
        )
        made = templates()
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO template VALUES (%s, %s, %s, %s, %s)",
                [(at, one.value, one.num_rows, one.file_size, one.version) for at, one in enumerate(made)],
            )
        connection.execute(
            _ENTRIES,
            {
                "entries": entries,
                "templates": len(made),
                "instances": INSTANCES,
                "global": list(GLOBAL_SETS),
                "process": list(PROCESS_SETS),
            },
        )
        connection.execute("ANALYZE entry")
        connection.execute(_METADATA)
        connection.execute(_PARTITIONS)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) partition_metadata, lakehouse_partitions")
        connection.execute("CHECKPOINT")
