"""Databases whose encoding is not UTF-8: one that knows none (SQL_ASCII), and one that has room for a few letters only (LATIN1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import arro3.io
import psycopg
import pyarrow as pa
import pytest
from psycopg import AsyncConnection, sql

import refooter
from footer_corpus import File, prefixed
from refooter.catalog.selection import EVERYTHING
from refooter.demo.server import Server
from refooter.errors import UnsupportedCatalog, UsageError
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.lake import Lake
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from refooter.jobs.scan import scan
from refooter.jobs.verify import verify
from refooter.values import Outcome
from support.jobs import Told, session, told
from support.tables import execute, rows
from test_catalog_rows import Rows, path_of, small_file

ASKING = "&client_encoding=UTF8"
# In both encodings; in SQL_ASCII it is whatever bytes its writer sent, and the engine sends UTF-8.
PATH = path_of(1, "größe/é")
Made = Callable[[str], Rows]


@pytest.fixture
def made(server: Server, tmp_path: Path) -> Iterator[Made]:
    """An empty catalog in a database of an encoding. Its address is the tests', which asks for UTF-8; jobs get the bare one."""
    names: list[str] = []

    def make(encoding: str) -> Rows:
        names.append(f"in_{encoding.lower()}")
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING {} TEMPLATE template0 LOCALE 'C'").format(
                    sql.Identifier(names[-1]), sql.Literal(encoding)
                )
            )
        return Rows(server.dsn(names[-1]) + ASKING, tmp_path / "lake").make()

    yield make
    for name in names:
        server.drop_database(name)


def fill(catalog: Rows) -> bytes:
    """An entry that can be mended, of a view and path with letters beyond ASCII; gives its value."""
    file = small_file(10)
    value = prefixed(file)
    catalog.file(PATH, file, value)
    return value


def bare(catalog: Rows) -> str:
    return catalog.dsn.removesuffix(ASKING)


async def done(catalog: Rows, job: Callable[[Lake], object]) -> Told:
    assert catalog.root is not None
    with session(bare(catalog), catalog.root.as_uri()) as opened:
        async with opened.open() as lake:
            return await told(job(lake))  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_every_job_works_whatever_the_databases_encoding(made: Made, encoding: str) -> None:
    catalog = made(encoding)
    before = fill(catalog)
    scanned = await done(catalog, lambda lake: scan(lake, EVERYTHING))
    assert list(scanned.results) == [PATH]
    assert str(scanned.results[PATH].view_set) == "größe"
    run = await done(catalog, lambda lake: migrate(lake, EVERYTHING, MigrateOptions()))
    assert run.summary.count(Outcome.MIGRATED) == 1
    assert catalog.value(PATH) != before
    checked = await done(catalog, lambda lake: verify(lake, EVERYTHING, run_id=run.summary.run_id))
    assert checked.problems == []
    back = await done(catalog, lambda lake: rollback(lake, [run.summary.run_id], EVERYTHING))
    assert back.summary.count(Outcome.RESTORED) == 1
    assert catalog.value(PATH) == before


def a_file_that_the_target_rejects_with_words_of_its_own() -> File:
    """Its one column's name holds a NUL and a letter that LATIN1 has not; its type is not the one that its annotation is for."""
    content = pa.table({"naQme": pa.array([1, 2], pa.int8())})
    out = pa.BufferOutputStream()
    arro3.io.write_parquet(content, out, skip_arrow_metadata=True)
    data = out.getvalue().to_pybytes()
    # parquet.thrift, SchemaElement: 1 type, 3 repetition_type, 4 name; INT32 becomes INT64
    was, now = b"\x15\x02\x25\x02\x18\x05naQme", b"\x15\x04\x25\x02\x18\x05" + "n\0ユ".encode()
    assert data.count(was) == 1
    return File("rejected", data.replace(was, now), 2)


@pytest.mark.parametrize(
    ("encoding", "said"), [("UTF8", "n\\x00ユ"), ("SQL_ASCII", "n\\x00ユ"), ("LATIN1", "n\\x00\\u30e6")]
)
async def test_words_that_the_database_cannot_hold_stop_no_run(made: Made, encoding: str, said: str) -> None:
    catalog = made(encoding)
    fill(catalog)
    other = path_of(2)
    rejected = a_file_that_the_target_rejects_with_words_of_its_own()
    catalog.file(other, rejected, rejected.footer[:9])
    run = await done(catalog, lambda lake: migrate(lake, EVERYTHING, MigrateOptions()))
    assert run.error is None
    assert (run.summary.count(Outcome.MIGRATED), run.summary.count(Outcome.FAILED)) == (1, 1)
    [(path, reason, sentence)] = rows(catalog.dsn, "SELECT file_path, reason, sentence FROM refooter.result")
    assert (path, reason) == (other, "rejected")
    assert f"'{said}'" in sentence


async def test_bytes_that_are_no_utf8_are_told_in_a_sentence(made: Made) -> None:
    catalog = made("SQL_ASCII")
    fill(catalog)
    execute(
        bare(catalog),
        "INSERT INTO partition_metadata VALUES (convert_from('\\x76696577732fff'::bytea, 'SQL_ASCII'), 'x', now(), 1)",
    )
    with pytest.raises(UnsupportedCatalog, match=r'holds text that is not UTF-8.*invalid byte sequence.*"UTF8": 0xff'):
        await done(catalog, lambda lake: scan(lake, EVERYTHING))


async def test_a_connection_that_gives_bytes_for_text_heals_nothing_and_says_why(made: Made) -> None:
    catalog = made("SQL_ASCII")
    fill(catalog)
    async with await AsyncConnection.connect(bare(catalog)) as connection:
        with pytest.raises(UsageError, match="client_encoding=UTF8"):
            await refooter.heal(connection, None, PATH)
    async with await AsyncConnection.connect(catalog.dsn) as connection:
        healed = await refooter.heal(connection, None, PATH)
    assert healed.stored
