"""The script that this project replaces: one entry at a time, two store requests, a parse, an update and a commit for each."""

from __future__ import annotations

import time

import obstore
import psycopg
from obstore.store import S3Store

from refooter.target.arro3 import judge

_TAIL = 64 * 1024


def first_plan(dsn: str, endpoint: str, entries: int) -> float:
    """Mends the first `entries` entries and returns the seconds that it took."""
    store = S3Store("lake", prefix="prefix", endpoint=endpoint, region="us-east-1", client_options={"allow_http": True})
    with psycopg.connect(dsn) as connection:
        paths = connection.execute("SELECT file_path FROM partition_metadata ORDER BY file_path LIMIT %s", (entries,))
        todo = [path for (path,) in paths.fetchall()]
        connection.commit()
        began = time.perf_counter()
        for path in todo:
            size = obstore.head(store, path)["size"]
            tail = bytes(obstore.get_range(store, path, start=max(0, size - _TAIL), end=size))
            length = int.from_bytes(tail[-8:-4], "little")
            footer = tail[-8 - length : -8]
            verdict = judge(footer)
            if not verdict.accepted:
                raise ValueError(f"{path}: {verdict.error}")
            connection.execute(
                "UPDATE partition_metadata SET metadata = %s, partition_format_version = 2 WHERE file_path = %s",
                (footer, path),
            )
            connection.commit()
        return time.perf_counter() - began
