"""A catalog of very many entries and no files: what memory and speed are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from refooter.demo.schema import create_catalog

# Paths ascend with the entries' number, as a table filled over the years in the order of its key would have them.
_NUMBERED: Final = """
    FROM (
        SELECT n,
            format('views/blocks/global/2026-03-02/00-00-00_%%s-0000-4000-8000-000000000000.parquet',
                lpad(to_hex(n), 8, '0')) AS file_path,
            timestamptz '2026-03-02 00:00:00Z' + n * interval '1 second' AS written
        FROM generate_series(0, %(entries)s::bigint - 1) AS n
    ) AS entry
    JOIN template ON template.turn = entry.n %% %(templates)s
    ORDER BY entry.n
"""
_METADATA_4: Final = "INSERT INTO partition_metadata SELECT file_path, value, written" + _NUMBERED
_METADATA_5: Final = "INSERT INTO partition_metadata SELECT file_path, value, written, version" + _NUMBERED
_PARTITION: Final = """
    INSERT INTO lakehouse_partitions
    SELECT 'blocks', 'global', written, written + interval '1 second', written, written + interval '1 second', written,
        file_path, file_size, '\\x01'::bytea, '\\x01'::bytea, num_rows
"""
_PARTITIONS_4: Final = _PARTITION + _NUMBERED
_PARTITIONS_5: Final = _PARTITION.rstrip() + ", version" + _NUMBERED


@dataclass(frozen=True, slots=True)
class Template:
    """One value to be repeated, and what the catalog says of each file that has it."""

    value: bytes
    num_rows: int
    file_size: int
    version: int = 2


def make_catalog_rows(dsn: str, entries: int, templates: Sequence[Template], *, version: int = 5) -> None:
    """Makes the catalog in an empty database, with `entries` entries that take the templates in turn.

    Every entry has one partition row. The rows are made inside the server, from one copy of each template, which is
    compressed once: PostgreSQL copies a value from table to table as it is stored.
    """
    with psycopg.connect(dsn) as conn:
        create_catalog(conn, version)
        conn.execute(
            "CREATE TEMP TABLE template (turn int, value bytea, num_rows bigint, file_size bigint, version int)"
        )
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO template VALUES (%s, %s, %s, %s, %s)",
                [(at, t.value, t.num_rows, t.file_size, t.version) for at, t in enumerate(templates)],
            )
        counted = {"entries": entries, "templates": len(templates)}
        conn.execute(_METADATA_4 if version == 4 else _METADATA_5, counted)
        conn.execute(_PARTITIONS_4 if version == 4 else _PARTITIONS_5, counted)
        conn.execute("DROP TABLE template")
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE) partition_metadata, lakehouse_partitions")
