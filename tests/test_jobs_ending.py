"""Whatever ends a job is one sentence, and no secret is in it."""

from __future__ import annotations

import psycopg
import pytest

from refooter.catalog.connection import Database
from refooter.errors import NothingSelected
from refooter.jobs.ending import Ending, ending_of, told_in_full
from refooter.jobs.flow import Pace
from test_catalog_rows import Rows, database_of


def test_a_foreseen_error_says_its_own_sentence() -> None:
    assert ending_of(NothingSelected("no run 7")) == Ending("nothing_selected", "no run 7", True)
    group = ExceptionGroup("stages", [ExceptionGroup("inner", [NothingSelected("no run 7")])])
    assert ending_of(group).sentence == "no run 7"


def test_an_error_of_the_system_names_the_file() -> None:
    assert ending_of(FileNotFoundError(2, "No such file or directory", "/lake/x")).sentence == (
        "/lake/x: No such file or directory"
    )


def test_a_mistake_of_ours_is_told_by_its_kind_and_place_and_not_by_its_words() -> None:
    with pytest.raises(TypeError) as caught:
        Pace("hunter2")  # type: ignore[arg-type]
    ending = ending_of(caught.value)
    assert (ending.code, ending.foreseen) == ("bug", False)
    assert "TypeError in refooter.jobs.flow, line" in ending.sentence
    assert "hunter2" not in ending.sentence


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        (
            "SELECT pg_sleep(60)",
            "database_busy",
            "PostgreSQL took too long: canceling statement due to statement timeout; run again when it has less to do",
        ),
        ("SELECT 1/0", "database", "PostgreSQL refused: division by zero; see its log, then run again"),
    ],
)
async def test_an_error_of_the_database_is_told_in_its_words(dsn: str, statement: str, code: str, words: str) -> None:
    Rows(dsn).make()
    async with database_of(dsn) as database:
        with pytest.raises(psycopg.Error) as caught:
            await _do(database, statement)
        assert ending_of(caught.value, database) == Ending(code, words, True)


async def _do(database: Database, statement: str) -> None:
    async with database.reading(seconds=0.2) as connection:
        await connection.execute(statement)  # type: ignore[call-overload]


async def test_what_goes_to_the_log_is_scrubbed_and_without_an_address_it_holds_no_message(dsn: str) -> None:
    Rows(dsn).make()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the words are what this is about
        raise ValueError("password=hunter2 is wrong")
    async with database_of(dsn.replace("postgres@", "postgres:hunter2@")) as database:
        told = told_in_full(caught.value, database)
    assert "password=*** is wrong" in told
    assert "Traceback" in told
    assert "hunter2" not in told_in_full(caught.value).replace('raise ValueError("password=hunter2 is wrong")', "")
