"""The lake's two tables, compared over all columns."""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg


def table_digests(dsn: str) -> dict[str, str]:
    """A digest of every row and column of both tables, as PostgreSQL itself writes them out, in a fixed order."""
    found = {}
    with psycopg.connect(dsn) as connection:
        for table in ("partition_metadata", "lakehouse_partitions"):
            digest = hashlib.sha256()
            with connection.cursor().copy(f"COPY (SELECT * FROM {table} t ORDER BY t::text) TO STDOUT") as copy:
                for block in copy:
                    digest.update(block)
            found[table] = digest.hexdigest()
    return found


def values(dsn: str) -> dict[str, bytes]:
    """Every entry's value by its path."""
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute("SELECT file_path, metadata FROM partition_metadata").fetchall())


def rows(dsn: str, query: str, *params: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, params).fetchall()  # type: ignore[arg-type]


def execute(dsn: str, query: str, *params: Any) -> int:
    """Runs one statement, commits, and says how many rows it touched."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, params).rowcount  # type: ignore[arg-type]
