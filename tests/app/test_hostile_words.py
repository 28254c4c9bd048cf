"""Words of others that are no part of the lake: a profile's, a store's, those of whoever made a run, a lost database's, a file's
name. The real program on a real terminal shows all of them, and passes nothing of them on that acts on the terminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
import pyarrow.parquet as pq
import pytest

from app.terminal import ENTER, Terminal, judged, terminal
from app.test_hostile import HOSTILE, MARKUP, QUIET, SHOWN, SIZES, acting, written
from refooter.catalog.journal_schema import journal_ddl
from refooter.demo.lake import LakeSummary, build_lake
from support.tables import execute, rows

ENTRIES: Final = 40
CLOSED: Final = f"{HOSTILE}{MARKUP}[/][/nothing]"
# What XML can hold: no C0, but C1 and everything that is quiet.
IN_XML: Final = f"Evil\x9b66m\x9d0;owned\x9c{QUIET}[red]x[/]"
# A field takes the first line of what is pasted.
ON_ONE_LINE: Final = "".join(QUIET.splitlines())


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=ENTRIES)


def harmless(there: Terminal) -> None:
    """Nothing that it ever wrote acts on a terminal, but for its own sequences."""
    raw = there.raw.decode("utf-8", "surrogateescape")
    said = written(bytes(there.raw))
    assert acting(said) == set()
    assert "Traceback" not in said
    for piece in ("\x1b]0;", "\x1b[66;66H", "\x1b[7;31;5m", "\x1bP$q", "\x1b[66m"):
        assert piece not in raw


def quit(there: Terminal) -> None:
    there.press("q")
    there.ended()
    harmless(there)


def toml(text: str) -> str:
    """A basic string of TOML: as JSON has it, but for DEL, which stands for itself in JSON only."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def configured(directory: Path, name: str, **values: str) -> None:
    file = directory / "refooter" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"[{toml(name)}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    file.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_a_profiles_name_and_label_are_shown_and_do_nothing(
    lake: LakeSummary, tmp_path: Path, size: tuple[int, int]
) -> None:
    assert lake.store is not None
    name, label = f"name {QUIET}{MARKUP}", f"{MARKUP}{HOSTILE}"
    state = tmp_path / "state"
    configured(state, name, dsn=lake.dsn, store=lake.store, label=label, colour="darkred")
    with terminal("tui", "--profile", name, state=state, size=size) as there:
        judged(there, ENTRIES)
        there.sees(f"{MARKUP}\\x1b]0;")
        there.press("am")
        # the command that does the same names the profile
        there.sees("Plan: migrate", "--profile", "\\u202e")
        there.leave("Plan: migrate")
        quit(there)


@pytest.mark.parametrize("value", ["name", "colour"])
def test_a_profile_that_is_refused_is_quoted_in_escapes(lake: LakeSummary, tmp_path: Path, value: str) -> None:
    assert lake.store is not None
    state = tmp_path / "state"
    configured(state, f"name {HOSTILE}", dsn=lake.dsn, store=lake.store, colour=f"red{HOSTILE}")
    asked = f"name {HOSTILE}" if value == "colour" else f"other {HOSTILE}"
    with terminal("tui", "--profile", asked, state=state) as there:
        assert there.ended() == 2
        assert "owned" in there.text
        harmless(there)


def test_a_database_that_is_not_there_is_named_in_escapes(tmp_path: Path) -> None:
    dsn = f"postgres://{quote(f'u{HOSTILE}')}@127.0.0.1:1/{quote(f'db {CLOSED}')}"
    with terminal("tui", "--dsn", dsn, state=tmp_path / "state") as there:
        there.sees("cannot reach PostgreSQL", "no connection", SHOWN)
        there.press("6")
        there.sees("severity")
        quit(there)


@contextmanager
def hostile_store() -> Iterator[str]:
    """Speaks S3 as far as an error needs it: every request is denied, with a code and words that harm."""

    class Denies(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            said = "".join(f"&#{ord(character)};" if not character.isalnum() else character for character in IN_XML)
            body = f"<Error><Code>{said}</Code><Message>{said}</Message></Error>".encode()
            self.send_response(418, "no")
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Denies)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
def test_a_stores_words_are_shown_and_do_nothing(lake: LakeSummary, tmp_path: Path, driver: str) -> None:
    with hostile_store() as url:
        environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        store = f"s3://lake/r{quote(QUIET[0])}[red]"
        words = ("tui", "--dsn", lake.dsn, "--store", store, "--store-driver", driver)
        with terminal(*words, state=tmp_path / "state", size=(200, 50), environment=environment) as there:
            judged(there, ENTRIES)
            there.filter_by("status:corrupt", " shown")
            there.press("a")
            there.sees("selected")
            there.press("m")
            there.sees("Plan: migrate", "y go")
            there.press_until("d", lambda text: "╭─ Dry run" in text)
            there.sees("the store answered 418")
            there.leave("╭─ Dry run")
            quit(there)


def hostile_runs(dsn: str, path: str) -> None:
    """A journal that somebody else has written to: every text of it that is not from a closed list is hostile."""
    execute(dsn, journal_ddl("refooter"))
    with psycopg.connect(dsn) as connection:
        selection = {"views": [f"evil {CLOSED}"], "filter": CLOSED, f"key {HOSTILE}": [HOSTILE, {HOSTILE: CLOSED}]}
        connection.execute(
            "INSERT INTO refooter.run (kind, who, finished, state, program_version, catalog_version, target, selection, strategy,"
            " selected, failed, migrated, message) VALUES ('migrate', %(evil)s, now(), 'stopped', %(evil)s, 5, %(evil)s,"
            " %(selection)s::jsonb, %(evil)s, 2, 1, 1, %(evil)s)",
            {"evil": f"evil {CLOSED}", "selection": json.dumps(selection)},
        )
        connection.execute(
            "INSERT INTO refooter.result (run_id, file_path, outcome, reason, sentence) VALUES (1, %s, 'failed', 'mismatch', %s)",
            (path, f"sentence {CLOSED}"),
        )
        connection.execute(
            "INSERT INTO refooter.change (run_id, file_path, old_digest, new_digest, partitions, cause, repair, proved)"
            " VALUES (1, %s, 'a', 'b', '[]', %s, %s, true)",
            (path, f"cause {CLOSED}", f"repair {CLOSED}"),
        )


def test_a_journal_that_others_wrote_is_shown_and_does_nothing(lake: LakeSummary, tmp_path: Path) -> None:
    path = min(path for (path,) in rows(lake.dsn, "SELECT file_path FROM partition_metadata"))
    hostile_runs(lake.dsn, path)
    assert lake.store is not None
    words = ("tui", "--dsn", lake.dsn, "--store", lake.store)
    with terminal(*words, state=tmp_path / "state", size=(160, 50)) as there:
        judged(there, ENTRIES)
        there.filter_by(path.rpartition("/")[2], "1 of ")
        there.press_until(ENTER, lambda text: "evidence" in text)
        there.press("[")
        there.sees("by", "evil", SHOWN, "repair", "sentence")
        there.press("3")
        there.in_the_table()
        there.press("o")
        there.sees("[Runs]", "migrate")
        there.press_until(ENTER, lambda text: "╭─ Run 1" in text)
        there.sees("sentence", SHOWN)
        there.leave("╭─ Run 1")
        there.press("3")
        there.in_the_table()
        quit(there)
    shown_by_commands(lake.dsn, tmp_path)


def shown_by_commands(dsn: str, tmp_path: Path) -> None:
    for words in (("runs",), ("runs", "show", "1")):
        with terminal(*words, "--dsn", dsn, state=tmp_path / "state", size=(160, 120)) as there:
            there.ended()
            assert "migrate" in there.text
            harmless(there)


def test_a_user_of_that_name_is_shown_and_does_nothing(lake: LakeSummary, tmp_path: Path) -> None:
    """Whoever runs it is in the journal, as the environment has it."""
    assert lake.store is not None
    words = ("migrate", "--dsn", lake.dsn, "--store", lake.store, "--yes")
    with terminal(*words, state=tmp_path / "state", environment={"LOGNAME": f"u {HOSTILE}"}) as there:
        there.ended()
        harmless(there)
    [(who,)] = rows(lake.dsn, "SELECT who FROM refooter.run")
    assert who.startswith(f"u {HOSTILE}@")


def test_a_file_of_that_name_is_written_and_told_of(lake: LakeSummary, tmp_path: Path) -> None:
    assert lake.store is not None
    target = tmp_path / f"out {ON_ONE_LINE}[red]x.parquet"
    with terminal("tui", "--dsn", lake.dsn, "--store", lake.store, state=tmp_path / "state") as there:
        judged(there, ENTRIES)
        there.press("e")
        there.sees("╭─ Export")
        there.press("\x15")
        there.paste(str(target))
        there.sees("\\u202e")
        there.press(ENTER)
        there.sees("exported")
        quit(there)
    assert pq.read_table(target).num_rows == ENTRIES
