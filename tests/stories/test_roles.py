"""A DBA runs what `refooter init --sql` printed; then roles that may do nothing else do their whole work (safety 20)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

import refooter
from app.seat import seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter_tui.cli.main import main
from support.tables import execute, rows, table_digests
from support.workers import shared_workers
from test_cli_init import block

Captured = pytest.CaptureFixture[str]
Answer = Callable[..., tuple[int, dict[str, Any]]]
OPERATOR, READER, NOBODY = "story_operator", "story_reader", "story_nobody"


@pytest.fixture(scope="module")
def workers() -> Iterator[None]:
    with shared_workers():
        yield


@dataclass(frozen=True)
class Estate:
    """A lake in a database in which nobody but its owner may do anything, and what `init --sql` printed for it."""

    lake: LakeSummary
    init: str

    def as_role(self, name: str) -> LakeSummary:
        return replace(self.lake, dsn=self.lake.dsn.replace("postgres@", f"{name}@"))

    def by_the_dba(self, text: str) -> None:
        with psycopg.connect(self.lake.dsn) as connection:
            connection.execute(text)  # type: ignore[call-overload]


@pytest.fixture
def estate(
    request: pytest.FixtureRequest, server: Server, dsn: str, tmp_path: Path, capsys: Captured
) -> Iterator[Estate]:
    lake = build_lake(dsn, tmp_path / "lake", entries=120, version=getattr(request, "param", 5))
    [(database,)] = rows(dsn, "SELECT current_database()")
    for role in (OPERATOR, READER, NOBODY):
        execute(dsn, f"CREATE ROLE {role} LOGIN")
    execute(dsn, f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    execute(dsn, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    assert main(["init", "--sql", "--role", OPERATOR, "--reader", READER, "--dsn", dsn]) == 0
    made = Estate(lake, capsys.readouterr().out)
    made.by_the_dba(made.init)
    yield made
    server.drop_database(database)
    for role in (OPERATOR, READER, NOBODY):
        execute(server.dsn("postgres"), f"DROP ROLE {role}")


@pytest.fixture
def answer(estate: Estate, capsys: Captured, workers: None) -> Answer:
    def run(role: str, *words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        place = estate.as_role(role)
        assert place.store is not None
        code = main([*words, "--dsn", place.dsn, "--store", place.store, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("estate", [5, 4], ids=["version 5", "version 4"], indirect=True)
def test_the_operator_does_the_whole_work_and_goes_back(estate: Estate, answer: Answer, tmp_path: Path) -> None:
    before = table_digests(estate.lake.dsn)
    [(create, temporary, everywhere)] = rows(
        estate.lake.dsn,
        "SELECT has_database_privilege(%(role)s, current_database(), 'CREATE'),"
        " has_database_privilege(%(role)s, current_database(), 'TEMP'),"
        " EXISTS (SELECT FROM pg_namespace WHERE has_schema_privilege(%(role)s, oid, 'CREATE'))".replace(
            "%(role)s", f"'{OPERATOR}'"
        ),
    )
    assert (create, temporary, everywhere) == (False, False, False)

    def done(*words: str, code: int = 0) -> dict[str, Any]:
        ended, said = answer(OPERATOR, *words)
        assert ended == code, said.get("error")
        return said

    done("views")
    assert done("scan", code=1)["entries"] == estate.lake.entries
    rehearsed = done("migrate", "--dry-run", code=1)
    assert done("backup", "-o", str(tmp_path / "backup.parquet"))["entries"] == estate.lake.entries
    migrated = done("migrate", "--yes", code=1)
    assert migrated["migrated"] == rehearsed["would_migrate"] > 0
    number = str(migrated["run_id"])
    done("verify", "--run", number, "--against-store", code=1)
    assert done("runs")["runs_total"] == 1
    assert done("runs", "show", number)["migrated"] == migrated["migrated"]
    done("export", "--run", number, "-o", str(tmp_path / "failures.csv"))
    done("inspect", estate.lake.paths(kind="prefixed")[0])
    back = done("rollback", number, "--yes")
    assert back["restored"] == migrated["migrated"]
    assert table_digests(estate.lake.dsn) == before
    done("rollback", str(back["run_id"]), "--yes")
    assert done("restore", str(tmp_path / "backup.parquet"), "--yes")["restored"] == migrated["migrated"]
    assert table_digests(estate.lake.dsn) == before


def test_what_stood_there_as_comments_lets_the_operator_bring_rows_back_and_drop_images(
    estate: Estate, answer: Answer, tmp_path: Path
) -> None:
    backup = str(tmp_path / "backup.parquet")
    assert answer(OPERATOR, "backup", "-o", backup)[0] == 0
    _, migrated = answer(OPERATOR, "migrate", "--yes")
    lost = estate.lake.paths(kind="prefixed")[0]
    execute(estate.lake.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", lost)
    before = table_digests(estate.lake.dsn)
    prune = ("runs", "prune", str(migrated["run_id"]), "--yes")
    restore = ("restore", backup, "--path", lost, "--missing", "--yes")
    for words in (prune, restore):
        code, refused = answer(OPERATOR, *words)
        assert (code, refused["error"]["code"]) == (2, "missing_rights")
    assert table_digests(estate.lake.dsn) == before
    estate.by_the_dba(block(estate.init, "restore --missing"))
    estate.by_the_dba(block(estate.init, "runs prune"))
    code, restored = answer(OPERATOR, *restore)
    assert (code, restored["inserted"]) == (0, 1)
    assert answer(OPERATOR, "rollback", str(restored["run_id"]), "--yes")[0] == 0
    assert table_digests(estate.lake.dsn) == before
    assert answer(OPERATOR, *prune)[0] == 0


def test_the_reader_looks_at_everything_and_changes_nothing(estate: Estate, answer: Answer, tmp_path: Path) -> None:
    _, migrated = answer(OPERATOR, "migrate", "--yes")
    number = str(migrated["run_id"])
    before = table_digests(estate.lake.dsn)
    for code, *words in (
        (0, "views"),
        (1, "scan", "--deep"),
        (1, "migrate", "--dry-run", "--force"),
        (1, "verify", "--run", number),
        (0, "runs"),
        (0, "runs", "show", number),
        (0, "inspect", estate.lake.paths(kind="prefixed")[0]),
        (0, "export", "-o", str(tmp_path / "all.parquet")),
        (0, "backup", "-o", str(tmp_path / "backup.parquet")),
    ):
        ended, said = answer(READER, *words)
        assert ended == code, (words, said.get("error"))
    for words in (
        ("migrate", "--yes"),
        ("rollback", number, "--yes"),
        ("restore", str(tmp_path / "backup.parquet"), "--yes"),
    ):
        ended, said = answer(READER, *words)
        assert (ended, said["error"]["code"]) == (2, "missing_rights")
        assert said["error"]["message"].startswith("missing rights: UPDATE (metadata")
    assert table_digests(estate.lake.dsn) == before
    assert answer(OPERATOR, "runs")[1]["runs_total"] == 1


def test_whoever_was_given_nothing_is_told_which_right_to_ask_for_first(estate: Estate, answer: Answer) -> None:
    code, refused = answer(NOBODY, "scan")
    assert (code, refused["error"]["code"]) == (2, "missing_rights")
    assert "CONNECT on the database" in refused["error"]["message"]
    assert NOBODY in refused["error"]["message"]


@pytest.mark.parametrize("table", ["journal_version", "run", "change", "result"])
def test_a_part_of_the_journal_that_may_not_be_read_is_a_missing_right(
    estate: Estate, answer: Answer, table: str
) -> None:
    _, migrated = answer(OPERATOR, "migrate", "--yes")
    estate.by_the_dba(f"REVOKE SELECT ON refooter.{table} FROM {READER}")
    code, refused = answer(READER, "runs", "show", str(migrated["run_id"]))
    assert (code, refused["error"]["code"]) == (2, "missing_rights")
    assert refused["error"]["message"].startswith("missing right: ")


def test_an_object_says_that_row_level_security_may_have_hidden_rows(estate: Estate, answer: Answer) -> None:
    estate.by_the_dba("ALTER TABLE partition_metadata ENABLE ROW LEVEL SECURITY")
    code, scanned = answer(READER, "scan")
    assert (code, scanned["entries"]) == (0, 0)
    [warning] = scanned["warnings"]
    assert warning.startswith(
        f"row-level security is on for partition_metadata: the role {READER} may not see every row"
    )


@pytest.mark.parametrize("role", [OPERATOR, READER])
async def test_the_app_opens_for_both(estate: Estate, tmp_path: Path, role: str) -> None:
    async with seated(estate.as_role(role), tmp_path, read_only=role == READER) as seat:
        assert len(seat.shown) == estate.lake.entries


async def test_a_program_heals_with_the_operators_rights_and_with_the_readers_is_told_why_not(estate: Estate) -> None:
    path = estate.lake.paths(kind="prefixed")[0]
    async with await AsyncConnection.connect(estate.as_role(READER).dsn) as connection:
        healed = await refooter.heal(connection, None, path)
        assert not healed.stored
        assert "permission denied" in (healed.why_not or "")
    async with await AsyncConnection.connect(estate.as_role(OPERATOR).dsn) as connection:
        assert (await refooter.heal(connection, None, path)).stored
