"""What a demo lake consists of: which entry has which value, and what is odd about its file or its partition rows."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from refooter.demo.files import SHAPES, SMALLEST, Writer
from refooter.demo.values import KINDS, Kind
from refooter.values import Cause

DAYS: Final = 28
UPGRADE_DAY: Final = 14


class Situation(StrEnum):
    """What is odd about an entry's file or its partition rows."""

    NORMAL = "normal"
    FILE_GONE = "file_gone"
    FILE_REPLACED = "file_replaced"
    """The file in the store is another one, with other rows and another size than the catalog says."""
    ORPHAN = "orphan"
    """No partition row: retired, and listed in `temporary_files`."""
    TWO_AGREE = "two_agree"
    TWO_DISAGREE = "two_disagree"
    """Two partition rows of one path that say different row counts and sizes."""
    NOT_RECORDED = "not_recorded"
    """The partition row's `num_rows` is 0, as an early upgrade of the catalog left it."""
    NO_METADATA = "no_metadata"
    """A partition with a file, but without an entry in `partition_metadata`."""
    NO_FILE = "no_file"
    """An empty partition: neither a file path nor an entry."""


class _Phase(StrEnum):
    BEFORE = "before"
    UPGRADE = "upgrade"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class _Share:
    """How many of a lake's entries have values of one kind, and at what time they were written."""

    kind: str
    share: float
    phase: _Phase


# In descending order: a lake too small for all of them has the most frequent ones.
_SHARES: Final = (
    _Share("framed", 0.360, _Phase.BEFORE),
    _Share("prefixed", 0.300, _Phase.UPGRADE),
    _Share("raw", 0.150, _Phase.AFTER),
    _Share("missing_num_rows_framed", 0.025, _Phase.BEFORE),
    _Share("cut_out", 0.020, _Phase.UPGRADE),
    _Share("truncated", 0.015, _Phase.BEFORE),
    _Share("zero_num_rows", 0.015, _Phase.BEFORE),
    _Share("file_tail", 0.010, _Phase.UPGRADE),
    _Share("prefixed_framed_twice", 0.010, _Phase.UPGRADE),
    _Share("lost_row_group", 0.010, _Phase.BEFORE),
    _Share("damaged_arrow_schema", 0.010, _Phase.BEFORE),
    _Share("framed_twice", 0.010, _Phase.BEFORE),
    _Share("missing_num_rows", 0.008, _Phase.AFTER),
    _Share("prefixed_trailing_bytes", 0.008, _Phase.UPGRADE),
    _Share("lost_row_group_and_count", 0.006, _Phase.BEFORE),
    _Share("chunk_past_end", 0.006, _Phase.BEFORE),
    _Share("whole_file", 0.006, _Phase.UPGRADE),
    _Share("empty", 0.006, _Phase.BEFORE),
    _Share("trailing_bytes", 0.005, _Phase.BEFORE),
    _Share("dictionary_offset_zero", 0.004, _Phase.BEFORE),
    _Share("zero_byte", 0.004, _Phase.BEFORE),
    _Share("bit_rot", 0.004, _Phase.BEFORE),
    _Share("encrypted", 0.004, _Phase.AFTER),
    _Share("chunk_negative", 0.004, _Phase.BEFORE),
)
_HEALTHY: Final = ("framed", "raw")
_PREFIXED: Final = ("prefixed",)


@dataclass(frozen=True, slots=True)
class _Oddity:
    """How many entries are in a situation, and which kinds of value they may have.

    What a rule says of a situation shows only at an entry that needs a migration; so mostly those are chosen.
    """

    situation: Situation
    share: float
    kinds: tuple[str, ...]


_ODDITIES: Final = (
    _Oddity(
        Situation.FILE_GONE,
        0.015,
        ("prefixed", "missing_num_rows_framed", "truncated", "cut_out", "zero_num_rows", "file_tail", "empty"),
    ),
    # of which nothing is left to mend the entry from
    _Oddity(Situation.FILE_GONE, 0.005, ("truncated", "empty", "damaged_arrow_schema", "chunk_past_end")),
    _Oddity(Situation.FILE_GONE, 0.005, _HEALTHY),
    _Oddity(Situation.FILE_REPLACED, 0.0, _PREFIXED),
    _Oddity(Situation.TWO_DISAGREE, 0.0, _PREFIXED),
    _Oddity(Situation.TWO_AGREE, 0.005, ("framed", "prefixed", "raw")),
    _Oddity(Situation.NOT_RECORDED, 0.020, ("prefixed", "missing_num_rows_framed")),
    _Oddity(Situation.ORPHAN, 0.010, ("framed", "prefixed", "raw")),
)
_NO_METADATA_SHARE: Final = 0.005
_NO_FILE_SHARE: Final = 0.03

# The share of each view set, and how much of it is global rather than per process.
_VIEWS: Final = (
    ("blocks", 0.12, 1.0),
    ("processes", 0.06, 1.0),
    ("streams", 0.08, 1.0),
    ("log_entries", 0.20, 0.4),
    ("log_stats", 0.12, 1.0),
    ("measures", 0.20, 0.4),
    ("thread_spans", 0.12, 0.0),
    ("async_events", 0.10, 0.0),
)


@dataclass(frozen=True, slots=True)
class LakeEntry:
    """One partition of the lake as it was meant: what is in the catalog, and what a diagnosis has to find.

    `cause` is the worst cause of the value, `Cause.NONE` where there is no value. `file_path` is `None` only for
    `Situation.NO_FILE`. `version` is the format version that the value's writer stamps; a version-4 catalog has none.
    """

    file_path: str | None
    view_set: str
    view_instance: str
    kind: str | None
    cause: Cause
    situation: Situation
    shape: int
    writer: Writer
    version: int
    written: datetime


def plan_lake(entries: int, seed: int, first_day: date, catalog_version: int) -> list[LakeEntry]:
    """All partitions of a lake with that many rows in `partition_metadata`, in the order they are inserted."""
    if entries < 1:
        raise ValueError("a lake has one entry at least")
    return _Planner(entries, seed, first_day, catalog_version).plan()


class _Planner:
    def __init__(self, entries: int, seed: int, first_day: date, catalog_version: int) -> None:
        self.entries = entries
        self.random = random.Random(seed)  # noqa: S311
        self.start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
        self.stamped = catalog_version >= 5
        # each process leaves some partitions behind: thousands of instances in a large lake
        self.processes = [self._identifier() for _ in range(max(3, entries // 10))]

    def plan(self) -> list[LakeEntry]:
        kinds = _kinds_of(self.entries)
        self.random.shuffle(kinds)
        situations = self._situations(kinds)
        planned = [self._entry(share, situations.get(at, Situation.NORMAL)) for at, share in enumerate(kinds)]
        healthy = [share for share in _SHARES if share.kind in _HEALTHY]
        planned += [
            self._entry(self.random.choice(healthy), Situation.NO_METADATA)
            for _ in range(_at_least_one(_NO_METADATA_SHARE, self.entries))
        ]
        planned += [
            self._entry(self.random.choice(healthy), Situation.NO_FILE)
            for _ in range(_at_least_one(_NO_FILE_SHARE, self.entries))
        ]
        planned.sort(key=lambda entry: (entry.written, entry.file_path or ""))
        return planned

    def _situations(self, kinds: list[_Share]) -> dict[int, Situation]:
        """By index into `kinds`. A lake of a few entries lacks the situations that it has no room for."""
        by_kind: dict[str, list[int]] = {}
        for at, share in enumerate(kinds):
            by_kind.setdefault(share.kind, []).append(at)
        taken: dict[int, Situation] = {}
        for oddity in _ODDITIES:
            free = [at for kind in oddity.kinds for at in by_kind.get(kind, ()) if at not in taken]
            wanted = min(_at_least_one(oddity.share, self.entries), len(free) // 3)
            taken.update(dict.fromkeys(self.random.sample(free, wanted), oddity.situation))
        return taken

    def _entry(self, share: _Share, situation: Situation) -> LakeEntry:
        kind = KINDS[share.kind]
        view_set, _, global_share = self.random.choices(_VIEWS, [weight for _, weight, _ in _VIEWS])[0]
        is_global = self.random.random() < global_share
        instance = "global" if is_global else self.random.choice(self.processes)
        written = self._time(share.phase)
        writer = self._writer(kind, share.phase)
        version = 1 if writer is not Writer.NEW else 2
        has_value = situation not in (Situation.NO_FILE, Situation.NO_METADATA)
        path = f"views/{view_set}/{instance}/{written:%Y-%m-%d}/{written:%H-%M-%S}_{self._identifier()}.parquet"
        return LakeEntry(
            file_path=None if situation is Situation.NO_FILE else path,
            view_set=view_set,
            view_instance=instance,
            kind=kind.name if has_value else None,
            cause=self._cause(kind, version) if has_value else Cause.NONE,
            situation=situation,
            shape=self._shape(kind),
            writer=writer,
            version=version,
            written=written,
        )

    def _cause(self, kind: Kind, version: int) -> Cause:
        if kind.cause is Cause.NONE and version == 1 and self.stamped:
            return Cause.OUTDATED_VERSION
        return kind.cause

    def _writer(self, kind: Kind, phase: _Phase) -> Writer:
        if kind.name == "missing_num_rows_framed" and self.random.random() < 0.3:
            return Writer.FOREIGN
        if phase is _Phase.BEFORE:
            return Writer.OLD
        # Also the old writer put a page index in front of a footer that had been read together with its page index.
        if phase is _Phase.UPGRADE and self.random.random() < 0.2:
            return Writer.OLD
        return Writer.NEW

    def _shape(self, kind: Kind) -> int:
        if kind.small_file:
            return SMALLEST
        fitting = [at for at, shape in enumerate(SHAPES) if shape.row_groups > 1 or not kind.multi_group]
        return self.random.choice(fitting)

    def _time(self, phase: _Phase) -> datetime:
        if phase is _Phase.BEFORE:
            day = self.random.randrange(UPGRADE_DAY)
        elif phase is _Phase.UPGRADE:
            day = UPGRADE_DAY + self.random.choices((0, 1, 2, 3), (6, 3, 2, 1))[0]
        else:
            day = UPGRADE_DAY + 3 + self.random.randrange(DAYS - UPGRADE_DAY - 3)
        return self.start + timedelta(days=day, microseconds=self.random.randrange(86_400_000_000))

    def _identifier(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def _at_least_one(share: float, entries: int) -> int:
    return max(1, round(share * entries))


def _kinds_of(entries: int) -> list[_Share]:
    """One share for each entry: of every kind at least one, as long as there is room for all."""
    counts: Counter[_Share] = Counter()
    for share in _SHARES:
        counts[share] = min(_at_least_one(share.share, entries), entries - counts.total())
    # what rounding leaves over, or a very small lake lacks, is healthy
    counts[_SHARES[0]] += entries - counts.total()
    return [share for share, count in counts.items() for _ in range(count)]


def count_causes(planned: Iterable[LakeEntry]) -> dict[Cause, int]:
    """How many entries have each cause; partitions without an entry are not counted."""
    counts = Counter(entry.cause for entry in planned if entry.kind is not None)
    return {cause: counts[cause] for cause in Cause if counts[cause]}
