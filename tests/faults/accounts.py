"""What must be true of the tables and the journal together, whatever happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg


@dataclass(frozen=True)
class Tables:
    """`entries`: value and version by path. `partitions`: by path, the rows as text, each with its version."""

    entries: dict[str, tuple[bytes, int]]
    partitions: dict[str, list[tuple[str, int]]]

    def without(self, *paths: str) -> Tables:
        return Tables(
            {path: row for path, row in self.entries.items() if path not in paths},
            {path: rows for path, rows in self.partitions.items() if path not in paths},
        )


def read_tables(dsn: str) -> Tables:
    """All columns of both tables, in one snapshot."""
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        entries = {
            path: (value, version)
            for path, value, version in connection.execute(
                "SELECT file_path, metadata, partition_format_version FROM partition_metadata"
            )
        }
        partitions = defaultdict(list)
        for path, row, version in connection.execute(
            "SELECT file_path, (to_jsonb(p) - 'partition_format_version')::text, partition_format_version"
            " FROM lakehouse_partitions p ORDER BY 2"
        ):
            partitions[path].append((row, version))
    return Tables(entries, dict(partitions))


@dataclass(frozen=True)
class Changed:
    run_id: int
    old: bytes
    new: bytes
    old_value: bytes | None
    old_version: int
    new_version: int
    partitions: list[dict[str, Any]]


@dataclass(frozen=True)
class Books:
    """The journal: the row of each run, the changes of each path in the order they were made, the outcomes by run."""

    runs: dict[int, dict[str, Any]]
    changes: dict[str, list[Changed]]
    results: dict[int, dict[str, tuple[str, str | None, str]]]

    @property
    def changed(self) -> set[str]:
        return set(self.changes)


def read_books(dsn: str) -> Books:
    """The journal; empty where there is none yet."""
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
        found = connection.execute("SELECT to_regclass('refooter.run') IS NOT NULL AS there").fetchone()
        if not found or not found["there"]:
            return Books({}, {}, {})
        runs = {row["run_id"]: row for row in connection.execute("SELECT * FROM refooter.run ORDER BY run_id")}
        changes = defaultdict(list)
        for row in connection.execute("SELECT * FROM refooter.change ORDER BY run_id"):
            changes[row["file_path"]].append(
                Changed(
                    row["run_id"],
                    row["old_digest"],
                    row["new_digest"],
                    row["old_value"],
                    row["old_version"],
                    row["new_version"],
                    row["partitions"],
                )
            )
        results: dict[int, dict[str, tuple[str, str | None, str]]] = defaultdict(dict)
        for row in connection.execute("SELECT * FROM refooter.result"):
            results[row["run_id"]][row["file_path"]] = (row["outcome"], row["reason"], row["sentence"])
    return Books(runs, dict(changes), dict(results))


def assert_counts_are_right(books: Books) -> None:
    """The numbers in `run` are the numbers of rows in `change` and `result`, and no entry has two outcomes in one run."""
    for run_id, run in books.runs.items():
        changed = [path for path, changes in books.changes.items() if any(one.run_id == run_id for one in changes)]
        told = books.results.get(run_id, {})
        assert run["migrated"] + run["restored"] == len(changed), f"run {run_id}"
        outcomes = Counter(outcome for outcome, _, _ in told.values())
        for outcome in ("failed", "conflict", "gone"):
            assert run[outcome] == outcomes[outcome], f"run {run_id}: {outcome}"
        assert not set(changed) & set(told), f"run {run_id}"


def assert_before_images_match(original: Tables, now: Tables, books: Books) -> None:
    """Every row that differs from the original has exactly one change, from the original to what is there; no other row has one.

    For runs of which each entry may be changed by at most one.
    """
    for path, (value, version) in now.entries.items():
        before, before_version = original.entries[path]
        changes = books.changes.get(path, [])
        if (value, version) == (before, before_version) and now.partitions.get(path) == original.partitions.get(path):
            assert changes == [], path
            continue
        [change] = changes
        assert change.old == sha256(before).digest()
        assert change.new == sha256(value).digest()
        assert (change.old_version, change.new_version) == (before_version, version)
        assert change.old_value == (before if value != before else None)
        rows = now.partitions.get(path, [])
        assert sorted(one["old"] for one in change.partitions) == sorted(
            v for _, v in original.partitions.get(path, [])
        )
        assert sorted(one["new"] for one in change.partitions) == sorted(v for _, v in rows)
        assert [row for row, _ in rows] == [row for row, _ in original.partitions.get(path, [])]
