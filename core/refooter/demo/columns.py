"""The columns of a telemetry lake: what each of the eight view sets holds, and values for them drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

NANOSECOND_UTC: Final = pa.timestamp("ns", "UTC")
_MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Draw:
    """What one column of one file is drawn from: `reach` scales the integers, `nulls` is the share of null values."""

    rng: np.random.Generator
    rows: int
    start_ns: int
    reach: int
    nulls: float

    def holes(self) -> NDArray[np.bool_]:
        """True where a value is null."""
        return self.rng.random(self.rows) < self.nulls


Column: TypeAlias = "Callable[[Draw], pa.Array[Any]]"


def _identifiers(rng: np.random.Generator, count: int) -> list[str]:
    digits = rng.bytes(16 * count).hex()
    texts = (digits[at : at + 32] for at in range(0, 32 * count, 32))
    return [f"{t[:8]}-{t[8:12]}-{t[12:16]}-{t[16:20]}-{t[20:]}" for t in texts]


def _unique_id(draw: Draw) -> pa.Array[Any]:
    return pa.array(_identifiers(draw.rng, draw.rows), pa.string(), mask=draw.holes())


def _shared_id(draw: Draw) -> pa.Array[Any]:
    few = np.array(_identifiers(draw.rng, 4), dtype=object)
    return pa.array(few[draw.rng.integers(0, len(few), draw.rows)], pa.string(), mask=draw.holes())


def _maybe_id(draw: Draw) -> pa.Array[Any]:
    few = np.array(_identifiers(draw.rng, 3), dtype=object)
    return pa.array(few[draw.rng.integers(0, len(few), draw.rows)], pa.string(), mask=draw.rng.random(draw.rows) < 0.6)


def _word(*vocabulary: str) -> Column:
    words = np.array(vocabulary, dtype=object)

    def column(draw: Draw) -> pa.Array[Any]:
        return pa.array(words[draw.rng.integers(0, len(words), draw.rows)], pa.string(), mask=draw.holes())

    return column


def _coded_word(*vocabulary: str) -> Column:
    plain = _word(*vocabulary)
    return lambda draw: plain(draw).dictionary_encode()


def _message(draw: Draw) -> pa.Array[Any]:
    took = draw.rng.integers(0, draw.reach, draw.rows)
    part = draw.rng.integers(0, 97, draw.rows)
    return pa.array([f"part {p} of the frame took {t} us" for p, t in zip(part, took, strict=True)], pa.string())


def _int32(draw: Draw) -> pa.Array[Any]:
    top = min(draw.reach, 2**31)
    return pa.array(draw.rng.integers(-top // 8, top, draw.rows), pa.int32(), mask=draw.holes())


def _level(draw: Draw) -> pa.Array[Any]:
    return pa.array(draw.rng.integers(1, 7, draw.rows), pa.int32())


def _int64(draw: Draw) -> pa.Array[Any]:
    return pa.array(draw.rng.integers(-draw.reach // 8, draw.reach, draw.rows), pa.int64(), mask=draw.holes())


def _counter(draw: Draw) -> pa.Array[Any]:
    return pa.array(np.cumsum(draw.rng.integers(1, 5000, draw.rows)) * max(1, draw.reach // 10_000), pa.int64())


def _double(draw: Draw) -> pa.Array[Any]:
    return pa.array(draw.rng.normal(0.0, float(draw.reach), draw.rows), pa.float64(), mask=draw.holes())


def _time(draw: Draw) -> pa.Array[Any]:
    steps = np.sort(draw.rng.integers(0, 60 * _MINUTE_NS, draw.rows))
    return pa.array(draw.start_ns + steps, NANOSECOND_UTC, mask=draw.holes())


def _minute(draw: Draw) -> pa.Array[Any]:
    steps = np.sort(draw.rng.integers(0, 60, draw.rows)) * _MINUTE_NS
    return pa.array(draw.start_ns + steps, NANOSECOND_UTC)


def _flag(draw: Draw) -> pa.Array[Any]:
    return pa.array(draw.rng.random(draw.rows) < 0.3, pa.bool_(), mask=draw.holes())


def _binary(draw: Draw) -> pa.Array[Any]:
    lengths = draw.rng.integers(4, 24, draw.rows)
    raw = draw.rng.bytes(int(lengths.sum()))
    ends = np.cumsum(lengths)
    return pa.array([raw[end - length : end] for length, end in zip(lengths, ends, strict=True)], pa.binary())


_TAGS: Final = ("cpu", "gpu", "log", "metrics", "thread", "async")


def _tags(draw: Draw) -> pa.Array[Any]:
    count = draw.rng.integers(0, 4, draw.rows)
    first = draw.rng.integers(0, len(_TAGS), draw.rows)
    lists = [[_TAGS[(f + i) % len(_TAGS)] for i in range(c)] for f, c in zip(first, count, strict=True)]
    return pa.array(lists, pa.list_(pa.string()))


def _properties(draw: Draw) -> pa.Array[Any]:
    few = [draw.rng.bytes(int(size)) for size in draw.rng.integers(12, 60, 3)]
    codes = pa.array(draw.rng.integers(0, len(few), draw.rows), pa.int32())
    return pa.DictionaryArray.from_arrays(codes, pa.array(few, pa.binary()))


_EXE: Final = _word("game-client", "game-server", "build-worker", "telemetry-ingestion")
_USER: Final = _word("ada", "björn", "chloé", "daisuke", "ewa")
_COMPUTER: Final = _word("ws-0017", "ws-0042", "farm-3", "farm-11")
_TARGET: Final = _coded_word("render", "physics", "net::replication", "audio", "asset::cache")
_NAME: Final = _coded_word("frame", "tick", "load_level", "wait_for_gpu", "poll", "submit")

# The first column's type decides what a parser makes of a column index that it takes for a footer, so it differs.
VIEW_SETS: Final[dict[str, dict[str, Column]]] = {
    "blocks": {
        "block_id": _unique_id,
        "stream_id": _shared_id,
        "process_id": _shared_id,
        "begin_time": _time,
        "begin_ticks": _counter,
        "end_time": _time,
        "end_ticks": _counter,
        "nb_objects": _int32,
        "object_offset": _int64,
        "payload_size": _int64,
        "insert_time": _time,
        "streams.dependencies_metadata": _binary,
        "streams.objects_metadata": _binary,
        "streams.tags": _tags,
        "streams.properties": _properties,
        "streams.insert_time": _time,
        "processes.start_time": _time,
        "processes.start_ticks": _int64,
        "processes.tsc_frequency": _int64,
        "processes.exe": _EXE,
        "processes.username": _USER,
        "processes.realname": _USER,
        "processes.computer": _COMPUTER,
        "processes.distro": _word("Windows 11", "Ubuntu 24.04"),
        "processes.cpu_brand": _word("AMD Ryzen 9 7950X", "Intel Xeon w9-3495X"),
        "processes.insert_time": _time,
        "processes.parent_process_id": _maybe_id,
        "processes.properties": _properties,
    },
    "processes": {
        "start_time": _time,
        "process_id": _unique_id,
        "exe": _EXE,
        "username": _USER,
        "realname": _USER,
        "computer": _COMPUTER,
        "start_ticks": _int64,
        "tsc_frequency": _int64,
        "last_update_time": _time,
        "parent_process_id": _maybe_id,
        "properties": _properties,
    },
    "streams": {
        "objects_metadata": _binary,
        "stream_id": _unique_id,
        "process_id": _shared_id,
        "dependencies_metadata": _binary,
        "tags": _tags,
        "properties": _properties,
        "insert_time": _time,
    },
    "log_entries": {
        "level": _level,
        "time": _time,
        "process_id": _shared_id,
        "stream_id": _shared_id,
        "block_id": _shared_id,
        "insert_time": _time,
        "exe": _EXE,
        "username": _USER,
        "computer": _COMPUTER,
        "target": _TARGET,
        "msg": _message,
        "properties": _properties,
        "process_properties": _properties,
    },
    "log_stats": {
        "time_bin": _minute,
        "process_id": _shared_id,
        "level": _level,
        "target": _TARGET,
        "count": _int64,
    },
    "measures": {
        "value": _double,
        "time": _time,
        "process_id": _shared_id,
        "stream_id": _shared_id,
        "block_id": _shared_id,
        "target": _TARGET,
        "name": _NAME,
        "unit": _coded_word("us", "bytes", "count"),
        "properties": _properties,
    },
    "thread_spans": {
        "id": _int64,
        "parent": _int64,
        "depth": _int32,
        "hash": _int32,
        "begin": _time,
        "end": _time,
        "duration": _int64,
        "name": _NAME,
        "target": _TARGET,
        "filename": _word("src/frame.rs", "src/net/mod.rs", "src/asset.rs"),
        "line": _int32,
    },
    "async_events": {
        "is_begin": _flag,
        "time": _time,
        "stream_id": _shared_id,
        "block_id": _shared_id,
        "span_id": _int64,
        "parent_span_id": _int64,
        "depth": _int32,
        "name": _NAME,
        "target": _TARGET,
        "filename": _word("src/io.rs", "src/http/client.rs"),
        "line": _int32,
    },
}


def table(view_set: str, draw: Draw) -> pa.Table:
    """One file's worth of rows of a view set."""
    columns = VIEW_SETS[view_set]
    return pa.table([column(draw) for column in columns.values()], names=list(columns))
