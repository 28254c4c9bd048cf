"""Every command with every exit code that it has: one JSON object with the counts so far and the error, or one sentence."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import resource
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from faults.world import database_copy
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter.jobs import inspect as inspecting
from refooter.jobs.lake import Session
from refooter.store import Patience
from refooter.store import store as storing
from refooter_tui.cli.main import main, make_parser
from refooter_tui.cli.parser import inner_parsers
from refooter_tui.cli.shell import Shell
from support.tables import execute
from support.workers import shared_workers

Captured = pytest.CaptureFixture[str]
ENTRIES: Final = 60
_TEMPLATE: Final = "exit_codes"
_ROLE: Final = "exit_codes_nobody"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A lake in which run 1 has mended the view `blocks`, a copy of it for each test that writes, and what else the words name."""

    summary: LakeSummary
    dsn: str
    directory: Path
    sound: str
    broken: str

    def file(self, name: str, content: bytes = b"") -> str:
        made = self.directory / name
        made.write_bytes(content)
        return str(made)


Words = Callable[[Place], list[str]]


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="refooter-exit-codes-") as name:
        directory = Path(name)
        dsn = server.create_database(_TEMPLATE)
        summary = build_lake(dsn, directory / "lake", entries=ENTRIES)
        assert summary.store is not None
        connection = ["--dsn", dsn, "--store", summary.store]
        assert main(["migrate", "--view", "blocks", "--yes", *connection]) in (0, 1)
        assert main(["backup", "-o", str(directory / "backup.parquet"), *connection]) == 0
        execute(dsn, f"CREATE ROLE {_ROLE} LOGIN")
        assert main(["scan", "-o", str(directory / "all.jsonl"), *connection]) == 1
        rows = [json.loads(line) for line in (directory / "all.jsonl").read_text().splitlines()]
        by_status = {row["status"]: row["file_path"] for row in rows if not row["orphan"]}
        yield Place(summary, dsn, directory, by_status["ok"], by_status["legacy"])
        server.drop_database(_TEMPLATE)
        execute(server.dsn("postgres"), f"DROP ROLE {_ROLE}")


@pytest.fixture
def place(server: Server, template: Place) -> Iterator[Place]:
    with database_copy(server, _TEMPLATE, f"{_TEMPLATE}_{next(_numbers)}") as dsn:
        yield replace(template, dsn=dsn)


@dataclass(frozen=True)
class Asked:
    """One command to be tried: its words, and what its object holds from its beginning on."""

    words: Words
    keys: tuple[str, ...] = ()
    database: bool = True
    writes: bool = False
    selects: bool = False
    more: dict[str, str] = field(default_factory=dict)


RUN_KEYS: Final = ("run_id", "selected", "migrated", "skipped", "failed", "conflict", "gone", "would_migrate", "proved")
STORE_KEYS: Final = ("store_requests", "store_bytes", "seconds")

COMMANDS: Final = {
    "views": Asked(lambda at: ["views"], ("views", "views_total")),
    "scan": Asked(lambda at: ["scan"], ("entries", "by_status", "by_cause"), selects=True),
    "inspect": Asked(lambda at: ["inspect", at.sound]),
    "inspect --blob": Asked(lambda at: ["inspect", "--blob", at.file("blob")], database=False),
    "inspect --file": Asked(lambda at: ["inspect", "--file", f"{at.summary.store}/{at.sound}"], database=False),
    "migrate": Asked(lambda at: ["migrate", "--yes"], RUN_KEYS + STORE_KEYS, writes=True, selects=True),
    "migrate --dry-run": Asked(lambda at: ["migrate", "--dry-run"], RUN_KEYS + STORE_KEYS, selects=True),
    "verify": Asked(lambda at: ["verify"], ("entries", "ok", "problems", "problems_total"), selects=True),
    "runs": Asked(lambda at: ["runs"], ("runs", "runs_total")),
    "runs show": Asked(lambda at: ["runs", "show", "1"], ("run_id",)),
    "runs prune": Asked(lambda at: ["runs", "prune", "1", "--yes"], writes=True),
    "rollback": Asked(
        lambda at: ["rollback", "1", "--yes"], ("run_id", "restored", "conflict", "gone"), writes=True, selects=True
    ),
    "backup": Asked(lambda at: ["backup", "-o", str(at.directory / f"{next(_numbers)}.parquet")], ("entries", "bytes")),
    "restore": Asked(
        lambda at: ["restore", str(at.directory / "backup.parquet"), "--force", "--yes"],
        ("run_id", "restored", "unchanged", "inserted", "skipped"),
        writes=True,
        selects=True,
    ),
    "export": Asked(lambda at: ["export", "-o", str(at.directory / "rows.csv")], ("entries", "path"), selects=True),
    "init": Asked(lambda at: ["init", "--sql"], database=False),
}  # fmt: skip
# these open an app or a server of their own, and have tests of their own beside those below
_APART: Final = {"tui", "demo"}


def commands() -> set[str]:
    """What the program has, leaves only."""
    found = set()
    for name, parser in inner_parsers(make_parser()).items():
        inner = inner_parsers(parser)
        found |= {f"{name} {one}" for one in inner} | {name}
    return found


def test_every_command_of_the_program_is_in_this_table() -> None:
    assert {
        " ".join(word for word in name.split() if not word.startswith("--")) for name in COMMANDS
    } | _APART == commands()


def known(*, database: bool | None = None, writes: bool | None = None, selects: bool | None = None) -> list[str]:
    return [
        name
        for name, one in COMMANDS.items()
        if name in _present()
        and database in (None, one.database)
        and writes in (None, one.writes)
        and selects in (None, one.selects)
    ]


def _present() -> set[str]:
    there = commands()
    return {name for name in COMMANDS if " ".join(word for word in name.split() if not word.startswith("--")) in there}


def check(
    words: list[str], code: int, error: str | None, capsys: Captured, keys: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Runs it twice: with `--json`, then without; in the end the object."""
    capsys.readouterr()
    assert main([*words, "--json"]) == code, (words, capsys.readouterr())
    with_json = capsys.readouterr()
    assert with_json.out.count("\n") == 1
    answer: dict[str, Any] = json.loads(with_json.out)
    assert set(keys) <= set(answer), set(keys) - set(answer)
    if error is None:
        # of an entry that is inspected it is what the target parser says of it
        assert not isinstance(answer.get("error"), dict)
    else:
        assert set(answer["error"]) == {"code", "message"}
        assert answer["error"]["code"] == error, answer["error"]
        assert one_sentence(answer["error"]["message"])
        assert with_json.err.splitlines()[-1] == f"refooter: {answer['error']['message']}"
    assert "Traceback" not in with_json.err
    return answer


def check_told(words: list[str], code: int, error: str | None, capsys: Captured, *, silent: bool = True) -> str:
    """Without `--json`: the sentence is the last line of standard error, and standard output has nothing to say."""
    capsys.readouterr()
    assert main(words) == code, (words, capsys.readouterr())
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    if error is not None:
        assert one_sentence(said.err.splitlines()[-1].removeprefix("refooter: "))
        assert said.err.splitlines()[-1].startswith("refooter: ")
        if silent:
            assert said.out == ""
            assert said.err.count("refooter: ") == 1
    return said.err


def one_sentence(text: str) -> bool:
    return bool(text) and "\n" not in text and text == text.strip() and not text.endswith(".")


def both(
    place: Place, words: list[str], code: int, error: str | None, capsys: Captured, keys: tuple[str, ...] = ()
) -> dict[str, Any]:
    connection = [] if words[0] == "init" else _connection(place, words)
    answer = check([*words, *connection], code, error, capsys, keys)
    check_told([*words, *connection], code, error, capsys)
    return answer


def _connection(place: Place, words: list[str]) -> list[str]:
    assert place.summary.store is not None
    dsn = [] if "--dsn" in words else ["--dsn", place.dsn]
    return dsn if "--store" in words else [*dsn, "--store", place.summary.store]


DONE: Final = {
    ("views", 0): lambda at: ["views"],
    ("scan", 0): lambda at: ["scan", "--status", "ok"],
    ("scan", 1): lambda at: ["scan"],
    ("scan, nothing allowed", 0): lambda at: ["scan", "--view", "nope", "--allow-empty"],
    ("inspect", 0): lambda at: ["inspect", at.sound],
    ("inspect", 1): lambda at: ["inspect", at.broken],
    ("inspect --blob", 1): lambda at: ["inspect", "--blob", at.file("empty")],
    ("inspect --file", 0): lambda at: ["inspect", "--file", f"{at.summary.store}/{at.sound}"],
    ("migrate --dry-run", 0): lambda at: ["migrate", "--dry-run", "--status", "ok"],
    ("migrate --dry-run", 1): lambda at: ["migrate", "--dry-run"],
    ("migrate", 0): lambda at: ["migrate", "--yes", "--status", "ok"],
    ("migrate", 1): lambda at: ["migrate", "--yes"],
    ("verify", 0): lambda at: ["verify", "--path", at.sound],
    ("verify", 1): lambda at: ["verify"],
    ("runs", 0): lambda at: ["runs"],
    ("runs show", 0): lambda at: ["runs", "show", "1"],
    ("export", 0): lambda at: ["export", "-o", str(at.directory / "rows.jsonl")],
    ("export --run", 0): lambda at: ["export", "--run", "1", "-o", str(at.directory / "run.parquet")],
    ("backup", 0): lambda at: ["backup", "-o", str(at.directory / f"{next(_numbers)}.parquet")],
    ("init", 0): lambda at: ["init", "--sql"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), [key for key in DONE if key[0].split()[0].rstrip(",") in commands()])
def test_a_job_that_is_done_is_0_or_1_without_an_error(name: str, code: int, place: Place, capsys: Captured) -> None:
    connection = [] if name == "init" else _connection(place, [])
    check([*DONE[name, code](place), *connection], code, None, capsys)
    check_told([*DONE[name, code](place), *connection], code, None, capsys)


@pytest.mark.parametrize("name", ["rollback", "restore"])
def test_undoing_is_0_and_1_where_something_is_in_conflict(name: str, place: Place, capsys: Captured) -> None:
    words = [*COMMANDS[name].words(place), *_connection(place, [])]
    if name == "restore":
        execute(place.dsn, "UPDATE partition_metadata SET metadata = '\\x00'")
    code = main([*words, "--json"])
    done = json.loads(capsys.readouterr().out)
    assert (code, done["conflict"]) == (0, 0)
    assert done["restored"] > 0
    if name == "rollback":
        # what it put back is no longer what run 1 wrote
        again = check(words, 1, None, capsys, COMMANDS[name].keys)
        assert again["conflict"] == done["restored"]


@pytest.mark.parametrize("name", known())
def test_wrong_usage_is_2(name: str, template: Place, capsys: Captured) -> None:
    words = COMMANDS[name].words(template)
    check([*words, "--bogus"], 2, "usage", capsys)
    check_told([*words, "--bogus"], 2, "usage", capsys)


@pytest.mark.parametrize("name", known(database=True))
def test_wrong_configuration_is_2(
    name: str, template: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = COMMANDS[name].words(template)
    both(template, [*words, "--profile", "nope"], 2, "usage", capsys, COMMANDS[name].keys)
    both(template, [*words, "--store", "s3://me:pw@bucket"], 2, "usage", capsys, COMMANDS[name].keys)
    both(template, [*words, "--dsn", "mysql://h/d"], 2, "usage", capsys, COMMANDS[name].keys)


@pytest.mark.parametrize("name", known(selects=True))
def test_a_selection_of_nothing_is_2(name: str, place: Place, capsys: Captured) -> None:
    words = [*COMMANDS[name].words(place), "--view", "nope"]
    words += _connection(place, words)
    check(words, 2, "nothing_selected", capsys, COMMANDS[name].keys)
    # what undoes has begun by then to look what there is to be undone, and says so
    check_told(words, 2, "nothing_selected", capsys, silent=name not in ("rollback", "restore"))


@pytest.mark.parametrize("name", known(database=True))
def test_a_role_without_rights_is_2(name: str, template: Place, capsys: Captured) -> None:
    words = [*COMMANDS[name].words(template), "--dsn", template.dsn.replace("//postgres@", f"//{_ROLE}@")]
    both(template, words, 2, "missing_rights", capsys, COMMANDS[name].keys)


@pytest.mark.parametrize("name", known(database=True))
def test_a_database_that_is_no_catalog_is_2(name: str, template: Place, server: Server, capsys: Captured) -> None:
    words = [*COMMANDS[name].words(template), "--dsn", server.dsn("postgres")]
    both(template, words, 2, "unsupported_catalog", capsys, COMMANDS[name].keys)


@pytest.mark.parametrize("name", known(writes=True))
def test_a_plan_that_is_refused_is_2_and_so_is_nobody_to_ask(
    name: str, template: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in COMMANDS[name].words(template) if word != "--yes"]
    if name == "restore":
        words += ["--missing"]
    both(template, words, 2, "usage", capsys, COMMANDS[name].keys)
    asked = []

    async def no(shell: Shell, question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(Shell, "can_ask", True)
    monkeypatch.setattr(Shell, "ask", no)
    connection = _connection(template, words)
    if name == "restore":
        # there has to be something to be asked about
        words = ["restore", str(_older_backup(template)), *words[2:]]
    check([*words, *connection], 2, "plan_refused", capsys, COMMANDS[name].keys)
    assert len(asked) == 1


def _older_backup(place: Place) -> Path:
    """A backup from which the catalog differs."""
    made = place.directory / "older.parquet"
    if not made.exists():
        [row] = _rows(place.dsn, "SELECT metadata FROM partition_metadata WHERE file_path = %s", place.sound)
        execute(place.dsn, "UPDATE partition_metadata SET metadata = '\\x00' WHERE file_path = %s", place.sound)
        assert main(["backup", "-o", str(made), "--dsn", place.dsn]) == 0
        execute(place.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", row[0], place.sound)
    return made


def _rows(dsn: str, query: str, *params: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, params).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", known(database=True, writes=True))
def test_a_session_that_may_only_read_is_2_for_what_writes(name: str, template: Place, capsys: Captured) -> None:
    both(template, [*COMMANDS[name].words(template), "--read-only"], 2, "usage", capsys, COMMANDS[name].keys)


@pytest.mark.parametrize("name", known(database=True))
def test_a_database_that_cannot_be_reached_is_3(name: str, template: Place, capsys: Captured) -> None:
    words = [*COMMANDS[name].words(template), "--dsn", "postgres://someone@127.0.0.1:1/lake"]
    both(template, words, 3, "database_unreachable", capsys, COMMANDS[name].keys)


@pytest.mark.parametrize("name", known(database=True))
def test_what_postgresql_refuses_is_no_bug(
    name: str, template: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that a statement of ours runs into."""
    open_lake = Session.open

    @asynccontextmanager
    async def open_and_fail(session: Session) -> AsyncIterator[Any]:
        async with open_lake(session) as lake:
            async with lake.database.reading() as connection:
                await connection.execute("SELECT 1/0")
            yield lake

    monkeypatch.setattr(Session, "open", open_and_fail)
    answer = both(template, COMMANDS[name].words(template), 3, "database", capsys, COMMANDS[name].keys)
    assert "division by zero" in answer["error"]["message"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store is given up after half a second instead of a minute."""
    monkeypatch.setattr(storing, "Patience", lambda: Patience(budget=0.5, attempt=0.2))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", ["migrate", "migrate --dry-run", "verify"])
def test_a_store_that_cannot_be_reached_is_3(
    name: str, place: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    more = ["--against-store"] if name == "verify" else ["--strategy", "refetch"]
    words = [*COMMANDS[name].words(place), *more, "--store", "s3://bucket/lake", "--dsn", place.dsn]
    check(words, 3, "store_unreachable", capsys, COMMANDS[name].keys)
    check_told(words, 3, "store_unreachable", capsys, silent=False)


@pytest.mark.usefixtures("impatient")
def test_a_file_in_a_store_that_cannot_be_reached_is_3(template: Place, capsys: Captured) -> None:
    both(template, ["inspect", "--file", "http://127.0.0.1:1/a.parquet"], 3, "store_unreachable", capsys)


@pytest.mark.parametrize("name", known(writes=True))
def test_a_run_that_stops_itself_is_3_and_tells_what_it_did(name: str, place: Place, capsys: Captured) -> None:
    with psycopg.connect(place.dsn) as connection:
        connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        )
        table = "refooter.change" if name == "runs prune" else "partition_metadata"
        connection.execute("UPDATE partition_metadata SET metadata = '\\x00' WHERE file_path = %s", (place.sound,))
        connection.execute(
            sql.SQL("CREATE TRIGGER full_up BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION full_disk()").format(
                sql.SQL(table)  # type: ignore[arg-type]
            )
        )
    words = [*COMMANDS[name].words(place), *_connection(place, [])]
    answer = check(words, 3, "database" if name == "runs prune" else "run_stopped", capsys, COMMANDS[name].keys)
    assert "could not extend file" in answer["error"]["message"]
    if name != "runs prune":
        assert answer["run_id"] == 2
        assert answer["state"] == "stopped"
    assert "Traceback" not in check_told(words, 3, "run_stopped", capsys, silent=False)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What the operating system says of a file that grows beyond it is what it says of a full disk, near enough."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("words", "error"),
    [(["export", "-o"], "export_failed"), (["scan", "-o"], "export_failed"), (["backup", "-o"], "file_failed")],
)
def test_a_file_that_cannot_be_written_to_its_end_is_3(
    words: list[str], error: str, template: Place, capsys: Captured
) -> None:
    target = template.directory / ("full.parquet" if words[0] == "backup" else "full.csv")
    with files_of_at_most(2000):
        both(template, [*words, str(target)], 3, error, capsys, COMMANDS[words[0]].keys)
    assert not target.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", [name for name in known() if name != "init"])
def test_a_signal_is_130_or_143(
    name: str, number: signal.Signals, code: int, template: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: Any, **__: Any) -> Any:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    @asynccontextmanager
    async def open_and_wait(session: Session) -> AsyncIterator[Any]:
        yield await wait()

    monkeypatch.setattr(Session, "open", open_and_wait)
    monkeypatch.setattr(inspecting, "inspect_blob", wait)
    monkeypatch.setattr(inspecting, "inspect_file", wait)
    answer = both(template, COMMANDS[name].words(template), code, "interrupted", capsys, COMMANDS[name].keys)
    assert number.name in answer["error"]["message"]


@pytest.mark.parametrize("words", [["tui"], ["demo"]])
def test_the_app_and_the_demo_answer_wrong_usage_too(words: list[str], template: Place, capsys: Captured) -> None:
    check([*words, "--bogus"], 2, "usage", capsys)
    check_told([*words, "--bogus"], 2, "usage", capsys)


def test_the_app_has_no_json_and_needs_a_terminal(capsys: Captured) -> None:
    check(["tui"], 2, "usage", capsys)
    check_told(["tui"], 2, "usage", capsys)


def test_a_demo_that_cannot_start_its_server_is_3(template: Place, capsys: Captured) -> None:
    directory = template.directory / "demo"
    (directory / "postgresql").mkdir(parents=True)
    (directory / "refooter-demo.json").write_text('{"entries": 5, "seed": 7}')
    (directory / "postgresql" / "mine").touch()
    words = ["demo", "--dir", str(directory), "--entries", "5"]
    check(words, 3, "database_unreachable", capsys)
    check_told(words, 3, "database_unreachable", capsys)


@pytest.mark.parametrize("name", ["refooter", *sorted(f"refooter {name}" for name in commands())])
def test_every_help_fits_80_columns_and_tells_of_exit_codes_and_an_example(
    name: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*name.split()[1:], "--help"]) == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if len(line) > 80] == []
    assert said.startswith(f"usage: {name} ")
    assert f"\nexamples:\n  {name}" in said
    assert "\nexit codes:\n  0: " in said
    assert "\n  130, 143: SIGINT, SIGTERM\n" in said


def test_every_example_of_a_help_is_read_by_the_command_line(capsys: Captured) -> None:
    from refooter_tui.cli.options import DEFAULTS
    from refooter_tui.cli.parser import ENDINGS

    parser = make_parser()
    there = {"refooter", *(f"refooter {name}" for name in commands())}
    assert set(ENDINGS) == there
    for ending in ENDINGS.values():
        for example in ending.examples:
            words = example.partition(" | ")[0].split()
            assert callable(parser.parse_args(words, argparse.Namespace(**DEFAULTS)).run)


def test_the_version_is_told_with_that_of_the_parser_that_decides(capsys: Captured) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"refooter {version('refooter')}, judging by arro3-io 0.8.0 (parquet 57.1.0)\n"
