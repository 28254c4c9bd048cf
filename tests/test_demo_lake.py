from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from refooter.demo.bulk import Template, make_catalog_rows
from refooter.demo.columns import VIEW_SETS
from refooter.demo.lake import FIRST_DAY, LakeSummary, build_lake
from refooter.demo.plan import UPGRADE_DAY, Situation, plan_lake
from refooter.demo.schema import create_catalog
from refooter.demo.server import Server
from refooter.demo.values import KINDS, footer
from refooter.values import Cause

TABLES = ("partition_metadata", "lakehouse_partitions", "temporary_files", "lakehouse_migration")


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as conn:
        return conn.execute(query).fetchall()  # type: ignore[arg-type]


def tables_digest(dsn: str) -> str:
    return repr([rows(dsn, f"SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {t} t") for t in TABLES])


def files_digest(directory: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(directory)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@pytest.fixture
def another_dsn(server: Server) -> Iterator[str]:
    yield server.create_database("another")
    server.drop_database("another")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def lake(server: Server, root: Path) -> Iterator[LakeSummary]:
    """The default lake, for tests that only look at it."""
    yield build_lake(server.create_database("default_lake"), root)
    server.drop_database("default_lake")


def test_the_same_seed_gives_the_same_tables_and_files(dsn: str, another_dsn: str, tmp_path: Path) -> None:
    one = build_lake(dsn, tmp_path / "one", entries=60, seed=11)
    two = build_lake(another_dsn, tmp_path / "two", entries=60, seed=11)
    assert one.planned == two.planned
    assert tables_digest(dsn) == tables_digest(another_dsn)
    assert files_digest(tmp_path / "one") == files_digest(tmp_path / "two")


def test_another_seed_gives_another_lake(dsn: str, another_dsn: str, tmp_path: Path) -> None:
    build_lake(dsn, tmp_path / "one", entries=60, seed=11)
    build_lake(another_dsn, tmp_path / "two", entries=60, seed=12)
    assert tables_digest(dsn) != tables_digest(another_dsn)
    assert files_digest(tmp_path / "one") != files_digest(tmp_path / "two")


def test_the_default_lake_has_every_kind_and_every_situation_in_eight_view_sets(lake: LakeSummary) -> None:
    assert lake.entries == 600
    assert {entry.kind for entry in lake.planned} == {*KINDS, None}
    assert {entry.situation for entry in lake.planned} == set(Situation)
    assert {entry.view_set for entry in lake.planned} == set(VIEW_SETS)
    assert set(lake.by_cause) == set(Cause)
    assert sum(lake.by_cause.values()) == 600
    instances = Counter(entry.view_instance for entry in lake.planned)
    assert instances["global"] > 100
    assert len(instances) > 50


def test_the_target_parser_says_of_the_default_lake_what_was_planned_in_twelve_messages_and_more(
    lake: LakeSummary, target_error: Callable[[bytes], str | None]
) -> None:
    planned = {entry.file_path: entry for entry in lake.planned}
    errors: Counter[str] = Counter()
    for path, value in rows(lake.dsn, "SELECT file_path, metadata FROM partition_metadata"):
        kind = planned[path].kind
        assert kind is not None
        error = target_error(value)
        assert (error is None) == KINDS[kind].accepted
        if error is not None and kind.startswith("prefixed"):
            errors[error] += 1
    assert len(errors) >= 12


def test_the_catalog_says_of_every_file_what_is_true_except_where_a_fault_says_otherwise(
    lake: LakeSummary, root: Path
) -> None:
    told: dict[str, set[tuple[int, int]]] = {}
    for path, size, num_rows in rows(lake.dsn, "SELECT file_path, file_size, num_rows FROM lakehouse_partitions"):
        told.setdefault(path, set()).add((size, num_rows))
    untrue: set[str] = set()
    for path in lake.paths():
        file = root / path
        if not file.exists() or told.get(path) != {(file.stat().st_size, row_count(file.read_bytes()))}:
            untrue.add(path)
    odd = (
        Situation.FILE_GONE,
        Situation.FILE_REPLACED,
        Situation.ORPHAN,
        Situation.TWO_DISAGREE,
        Situation.NOT_RECORDED,
    )
    expected = {path for situation in odd for path in lake.paths(situation=situation)}
    assert untrue == expected | set(lake.paths(kind="encrypted"))


def row_count(data: bytes) -> int | None:
    return None if data.endswith(b"PARE") else pq.read_metadata(io.BytesIO(data)).num_rows


def test_healthy_values_are_the_files_own_footers(lake: LakeSummary, root: Path) -> None:
    gone = set(lake.paths(situation=Situation.FILE_GONE))
    stored: dict[str, bytes] = dict(rows(lake.dsn, "SELECT file_path, metadata FROM partition_metadata"))
    paths = [path for path in lake.paths(kind="raw") if path not in gone]
    assert len(paths) > 50
    assert all(stored[path] == footer((root / path).read_bytes()) for path in paths)


def test_broken_values_cluster_around_the_day_of_the_upgrade(lake: LakeSummary) -> None:
    upgrade = FIRST_DAY + timedelta(days=UPGRADE_DAY)
    days = Counter(
        entry.written.date() for entry in lake.planned if entry.cause is Cause.PAGE_INDEX_PREFIX and entry.kind
    )
    assert min(days) == upgrade
    assert days.most_common(1)[0][0] == upgrade
    assert max(days) - min(days) == timedelta(days=3)


def test_each_situation_is_in_the_tables_as_it_is_in_the_plan(lake: LakeSummary, root: Path) -> None:
    partitions = Counter(path for (path,) in rows(lake.dsn, "SELECT file_path FROM lakehouse_partitions"))
    entries = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM partition_metadata")}
    retired = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM temporary_files")}
    missing = {path for path in lake.paths() if not (root / path).exists()}
    two = lake.paths(situation=Situation.TWO_AGREE) + lake.paths(situation=Situation.TWO_DISAGREE)
    assert missing == set(lake.paths(situation=Situation.FILE_GONE))
    assert retired == set(lake.paths(situation=Situation.ORPHAN)) == entries - set(partitions)
    assert set(partitions) - entries - {None} == set(lake.paths(situation=Situation.NO_METADATA))
    assert {path for path, count in partitions.items() if path is not None and count == 2} == set(two)
    assert partitions[None] == sum(entry.situation is Situation.NO_FILE for entry in lake.planned)
    assert rows(lake.dsn, "SELECT DISTINCT num_rows, file_size FROM lakehouse_partitions WHERE file_path IS NULL") == [
        (0, 0)
    ]


def test_paths_are_those_of_the_engine(lake: LakeSummary) -> None:
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    pattern = f"^views/[a-z_]+/(global|{uuid})/2026-0[34]-[0-9]{{2}}/[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}_{uuid}[.]parquet$"
    assert rows(lake.dsn, f"SELECT count(*) FROM partition_metadata WHERE file_path ~ '{pattern}'") == [(600,)]


def test_a_lake_of_catalog_version_4_has_no_format_versions_and_nothing_outdated(dsn: str, tmp_path: Path) -> None:
    lake = build_lake(dsn, tmp_path, entries=60, version=4)
    columns = rows(dsn, "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'")
    assert ("partition_format_version",) not in columns
    assert rows(dsn, "SELECT version FROM lakehouse_migration") == [(4,)]
    assert Cause.OUTDATED_VERSION not in lake.by_cause
    assert rows(dsn, "SELECT count(*) FROM partition_metadata") == [(60,)]


def test_the_files_can_be_put_into_any_store(dsn: str, another_dsn: str, tmp_path: Path) -> None:
    objects: dict[str, bytes] = {}
    uploaded = build_lake(dsn, put=objects.__setitem__, entries=40)
    written = build_lake(another_dsn, tmp_path, entries=40)
    assert uploaded.store is None
    assert written.store == tmp_path.as_uri()
    assert uploaded.planned == written.planned
    assert objects == {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("entries", [1, 2, 7, 25, 151])
def test_a_lake_has_exactly_the_number_of_entries_that_was_asked_for(entries: int) -> None:
    planned = plan_lake(entries, 5, FIRST_DAY, 5)
    assert sum(entry.kind is not None for entry in planned) == entries


def test_a_large_lake_shares_its_files_and_keeps_its_paths_apart(dsn: str, tmp_path: Path) -> None:
    lake = build_lake(dsn, tmp_path, entries=2_500)
    inodes = {(tmp_path / path).stat().st_ino for path in lake.paths() if (tmp_path / path).exists()}
    assert len(set(lake.paths())) == len(lake.paths()) > 2_500
    assert len(inodes) < 400


def test_a_small_lake_has_a_file_of_its_own_for_every_path(lake: LakeSummary, root: Path) -> None:
    assert all(path.stat().st_nlink == 1 for path in root.rglob("*.parquet"))


def test_files_go_to_one_place(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="directory or"):
        build_lake(dsn)


def test_there_is_no_catalog_of_a_version_that_has_no_footers(dsn: str) -> None:
    with psycopg.connect(dsn) as conn, pytest.raises(ValueError, match="version 6"):
        create_catalog(conn, 6)


@pytest.mark.parametrize("version", [4, 5])
def test_a_catalog_of_many_rows_repeats_its_templates_in_turn(dsn: str, version: int) -> None:
    templates = [Template(b"one" * 3000, 10, 1_000), Template(b"two", 20, 2_000, version=1)]
    make_catalog_rows(dsn, 1_001, templates, version=version)
    assert rows(
        dsn,
        "SELECT substr(metadata, 1, 3), length(metadata), num_rows, file_size, count(*) FROM partition_metadata"
        " JOIN lakehouse_partitions USING (file_path) GROUP BY 1, 2, 3, 4 ORDER BY 1",
    ) == [(b"one", 9000, 10, 1_000, 501), (b"two", 3, 20, 2_000, 500)]
    if version == 5:
        assert rows(dsn, "SELECT sum(partition_format_version) FROM partition_metadata") == [(501 * 2 + 500,)]
