"""The catalog's tables as the engine makes them, at the two schema versions that have footers to migrate."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

CATALOG_VERSIONS: Final = (4, 5)

# The engine builds its catalog step by step; this is where the steps up to version 4 have led. A partition's file path
# is not unique, and not even there where the partition is empty.
_VERSION_4: Final = """
CREATE TABLE lakehouse_partitions (
    view_set_name varchar(255),
    view_instance_id varchar(255),
    begin_insert_time timestamptz,
    end_insert_time timestamptz,
    min_event_time timestamptz,
    max_event_time timestamptz,
    updated timestamptz,
    file_path varchar(2047),
    file_size bigint,
    file_schema_hash bytea,
    source_data_hash bytea,
    num_rows bigint NOT NULL
);
CREATE INDEX lh_part_begin_insert ON lakehouse_partitions (view_set_name, view_instance_id, begin_insert_time);
CREATE INDEX lh_part_end_insert ON lakehouse_partitions (view_set_name, view_instance_id, end_insert_time);
CREATE INDEX lh_part_min_time ON lakehouse_partitions (view_set_name, view_instance_id, min_event_time);
CREATE INDEX lh_part_max_time ON lakehouse_partitions (view_set_name, view_instance_id, max_event_time);
CREATE INDEX lh_part_file_path ON lakehouse_partitions (file_path);

CREATE TABLE partition_metadata (
    file_path varchar(2047) PRIMARY KEY,
    metadata bytea NOT NULL,
    insert_time timestamptz NOT NULL
);

CREATE TABLE temporary_files (
    file_path varchar(2047),
    file_size bigint,
    expiration timestamptz
);
CREATE INDEX temporary_files_expiration ON temporary_files (expiration);

CREATE TABLE lakehouse_migration (version integer);
INSERT INTO lakehouse_migration VALUES (4);
"""

_VERSION_5: Final = """
ALTER TABLE lakehouse_partitions ADD COLUMN partition_format_version integer NOT NULL DEFAULT 1;
ALTER TABLE partition_metadata ADD COLUMN partition_format_version integer NOT NULL DEFAULT 1;
UPDATE lakehouse_migration SET version = 5;
"""


def create_catalog(conn: Connection[Any], version: int = 5) -> None:
    """Makes the empty catalog of a lake in a database that has none, in one transaction."""
    if version not in CATALOG_VERSIONS:
        raise ValueError(f"there is no demo catalog of version {version}, only of {CATALOG_VERSIONS}")
    with conn.transaction():
        conn.execute(_VERSION_4)
        if version >= 5:
            conn.execute(_VERSION_5)
