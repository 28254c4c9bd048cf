"""The commands that the app shows, run by the real command line: they do to the same entries what the app does."""

from __future__ import annotations

import argparse
import csv
import json
import os
import queue
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from refooter.catalog.address import parse_address
from refooter.catalog.selection import Selection, View
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.plan import Situation
from refooter.demo.server import Server
from refooter.errors import UsageError
from refooter.events import Plan, RunSummary, VerifySummary
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Session
from refooter.settings import DSN_VARIABLE, STORE_VARIABLE, Settings
from refooter.values import Outcome
from refooter_tui.app.command import (
    Where,
    export_command,
    inspect_command,
    migrate_command,
    rollback_command,
    scope_words,
    verify_command,
)
from refooter_tui.app.engine import Engine, Scope
from refooter_tui.app.messages import EngineMessage, JobDone
from refooter_tui.cli import options
from refooter_tui.cli.main import main, make_parser
from support.kinds import every_kind, put_entry
from support.tables import table_digests
from support.workers import shared_workers

_DAY = "views/log_entries/global/2026-03-02"
STRANGE = (
    f'{_DAY}/a b\'s "c" $HOME `d` \\ ! * ;|&.parquet',
    "-rf views/log_entries/global/dash.parquet",
    "--json",
    f"{_DAY}/na\u00efve-\u202e\u65e5\u672c-\U0001f388.parquet",
    f"{_DAY}/two\nlines.parquet",
    f"{_DAY}/a carriage return\r",
    f"\ufeff{_DAY}/mark.parquet",
    " a space on either side ",
)


@dataclass
class Ground:
    """One lake, and the directory in which the app keeps its files."""

    lake: LakeSummary
    directory: Path
    settings: Settings
    where: Where

    @property
    def entries(self) -> list[str]:
        """What there is to pick from."""
        return [
            *self.lake.paths(situation=Situation.NORMAL)[:20],
            *self.lake.paths(situation=Situation.ORPHAN),
            *STRANGE,
        ]


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (DSN_VARIABLE, STORE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def make_ground(dsn: str, directory: Path) -> Ground:
    lake = build_lake(dsn, directory / "a lake", entries=60)
    kinds = [kept for kept in every_kind().values() if kept.value][: len(STRANGE)]
    with psycopg.connect(dsn) as connection:
        for path, kept in zip(STRANGE, kinds, strict=True):
            put_entry(connection, path, kept.value, kept.file.num_rows, len(kept.file.data))
            file = directory / "a lake" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(kept.file.data)
    settings = Settings(dsn=dsn, store=lake.store, workers=2)
    return Ground(lake, directory / "st\u00e4te's", settings, Where.of(settings, Settings()))


@pytest.fixture(scope="module")
def ground(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Nothing of this lake is written to."""
    dsn = server.create_database("commands_shown")
    with shared_workers(dsn):
        yield make_ground(dsn, tmp_path_factory.mktemp("ground"))
    server.drop_database("commands_shown")


class App:
    """What the app has done about an entry: by its own engine."""

    def __init__(self, engine: Engine, said: queue.Queue[EngineMessage]) -> None:
        self.engine, self._said = engine, said

    def done(self, job: int) -> Any:
        """The summary of a job."""
        while True:
            said = self._said.get(timeout=120)
            if isinstance(said, JobDone) and said.job == job:
                assert said.error is None
                return said.summary


@contextmanager
def engine_of(settings: Settings) -> Iterator[App]:
    said: queue.Queue[EngineMessage] = queue.Queue()
    with Session(settings) as session:
        engine = Engine(session, said.put)
        engine.start()
        try:
            yield App(engine, said)
        finally:
            engine.stop(30)


def run(command: str, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    """As a shell would split it; the exit code and the JSON object."""
    program, *words = shlex.split(command)
    assert program == "refooter"
    capsys.readouterr()
    # what is added must not stand behind a `--`
    code = main([words[0], *more, "--json", *words[1:]])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, answer


def picks(ground: Ground) -> dict[str, tuple[Scope, list[str]]]:
    """What somebody can have in hand in the app: for its engine, and for a shell."""
    few, many = list(STRANGE[:2]), ground.entries
    by_path = {f"only {name!r}": [name] for name in STRANGE}
    found: dict[str, tuple[Scope, list[str]]] = {
        "the whole lake": (None, []),
        "a view set": (Selection(views=(View("log_entries"),)), ["--view", "log_entries"]),
        "a view": (Selection(views=(View("blocks", "global"),)), ["--view", "blocks/global"]),
    }
    for name, paths in {"a few": few, "many": many, **by_path}.items():
        found[name] = (paths, scope_words(paths, ground.directory))
    return found


def test_a_migration_rehearsed_in_a_shell_comes_to_what_the_app_came_to(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = MigrateOptions()
    with engine_of(ground.settings) as app:
        for name, (scope, words) in picks(ground).items():
            plan = app.done(app.engine.plan(scope, wanted))
            rehearsed = app.done(app.engine.migrate(scope, replace(wanted, dry_run=True)))
            assert isinstance(plan, Plan)
            assert isinstance(rehearsed, RunSummary)
            code, answer = run(migrate_command(words, wanted, ground.where), capsys, "--dry-run")
            assert code in (0, 1), (name, answer)
            assert answer["selected"] == plan.selected == rehearsed.selected > 0, name
            assert answer["skipped"] == plan.by_step.get("skip", 0), name
            for outcome in (Outcome.WOULD_MIGRATE, Outcome.SKIPPED, Outcome.FAILED):
                assert answer[outcome.value] == rehearsed.count(outcome), (name, outcome)
            assert answer["proved"] == rehearsed.proved, name
            if isinstance(scope, list):
                assert plan.selected == len(scope), name


@pytest.mark.parametrize(
    "wanted",
    [
        MigrateOptions(strategy=Strategy.REPAIR, accept_unproved=True),
        MigrateOptions(strategy=Strategy.REFETCH, force=True, orphans=True, max_rate=1e6),
    ],
)
def test_the_options_of_a_plan_are_in_its_command(
    ground: Ground, capsys: pytest.CaptureFixture[str], wanted: MigrateOptions
) -> None:
    with engine_of(ground.settings) as app:
        rehearsed = app.done(app.engine.migrate(None, replace(wanted, dry_run=True)))
    _, answer = run(migrate_command([], wanted, ground.where), capsys, "--dry-run")
    assert answer["selected"] == rehearsed.selected
    for outcome in (Outcome.WOULD_MIGRATE, Outcome.SKIPPED, Outcome.FAILED):
        assert answer[outcome.value] == rehearsed.count(outcome)


def test_an_export_from_a_shell_has_the_apps_rows(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine_of(ground.settings) as app:
        for number, (name, (scope, words)) in enumerate(picks(ground).items()):
            ours, theirs = tmp_path / f"{number} app's.csv", tmp_path / f"{number} shell's.csv"
            saved = app.done(app.engine.export(str(ours), scope))
            code, answer = run(export_command(words, None, str(theirs), ground.where), capsys)
            assert (code, answer["entries"]) == (0, saved.rows), name
            assert rows_of(theirs) == rows_of(ours), name


def rows_of(file: Path) -> list[dict[str, str]]:
    return sorted(csv.DictReader(file.open(newline="", encoding="utf-8")), key=lambda row: row["file_path"])


def test_an_inspection_is_of_the_very_entry(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    for path in STRANGE:
        code, answer = run(inspect_command(path, ground.where), capsys)
        assert code in (0, 1)
        assert answer["name"] == path


def test_a_run_is_exported_verified_and_rolled_back_by_the_commands_shown(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shared_workers(dsn):
        ground = make_ground(dsn, tmp_path)
        before = table_digests(dsn)
        picked = scope_words(STRANGE, ground.directory)
        with engine_of(ground.settings) as app:
            migrated = app.done(app.engine.migrate(None, MigrateOptions()))
            assert migrated.run_id == 1
            assert migrated.count(Outcome.FAILED) > 0
            verified = app.done(app.engine.verify(None, run_id=1))
            app.done(app.engine.export(str(tmp_path / "app.csv"), None, run_id=1))
        assert isinstance(verified, VerifySummary)
        run(export_command([], 1, str(tmp_path / "shell.csv"), ground.where), capsys)
        assert rows_of(tmp_path / "shell.csv") == rows_of(tmp_path / "app.csv") != []
        _, answer = run(verify_command([], 1, ground.where), capsys)
        assert (answer["entries"], answer["ok"]) == (verified.entries, verified.ok)
        parsed = make_parser().parse_args(shlex.split(rollback_command([1], picked, ground.where))[1:], make_defaults())
        assert parsed.run_ids == [1]
        assert set(options.selection_of(parsed).paths or ()) == set(STRANGE)
        _, some = run(rollback_command([1], picked, ground.where), capsys, "--yes")
        assert 0 < some["restored"] < migrated.count(Outcome.MIGRATED)
        _, rest = run(rollback_command([1], (), ground.where), capsys, "--yes")
        assert some["restored"] + rest["restored"] == migrated.count(Outcome.MIGRATED)
        assert table_digests(dsn) == before


def make_defaults() -> argparse.Namespace:
    return argparse.Namespace(**options.DEFAULTS)


def test_a_real_shell_hands_over_what_was_meant(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "refooter"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    program.chmod(0o755)
    where = Where(("--profile", "it's a lake"))
    for path in STRANGE:
        command = migrate_command(scope_words([path], tmp_path), MigrateOptions(), where)
        done = subprocess.run(
            ["sh", "-c", command],
            env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            check=True,
            text=True,
        )
        parsed = make_parser().parse_args(json.loads(done.stdout), make_defaults())
        assert (parsed.path, parsed.profile) == ([path], "it's a lake")


def read_back(words: Sequence[str]) -> set[str]:
    parsed = make_parser().parse_args(["scan", *words], make_defaults())
    return set(options.selection_of(parsed).paths or ())


def test_a_later_selection_leaves_an_earlier_commands_file_alone(tmp_path: Path) -> None:
    first, second = ([f"views/{name}/{number}" for number in range(10)] for name in "ab")
    words = scope_words(first, tmp_path)
    assert scope_words(first, tmp_path) == words
    assert scope_words(second, tmp_path) != words
    assert read_back(words) == set(first)


def test_of_the_files_of_paths_the_latest_twenty_stay(tmp_path: Path) -> None:
    kept = []
    for number in range(30):
        words = scope_words([f"views/{number}/{part}" for part in range(4)], tmp_path)
        kept.append(Path(words[1]))
        # one second apart, whatever the clock's steps are
        os.utime(kept[-1], (1_000_000 + number,) * 2)
    assert set(tmp_path.iterdir()) == set(kept[-20:])


def test_what_no_line_can_hold_is_named_by_itself(tmp_path: Path) -> None:
    paths = [*STRANGE, *(f"views/{number}" for number in range(5))]
    words = scope_words(paths, tmp_path)
    assert words.count("--paths-from") == 1
    assert read_back(words) == set(paths)


def test_where_no_file_can_be_written_the_command_names_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    words = scope_words([str(number) for number in range(9)], tmp_path / "file")
    assert words == ["--paths-from", "FILE"]
    with pytest.raises(UsageError, match="cannot read the list of paths 'FILE'"):
        read_back(words)


SECRET = "p@ss/w0rd"


@pytest.mark.parametrize(
    "dsn",
    [
        "postgres://me:p%40ss%2Fw0rd@db.example:6543/lake?sslmode=require",
        "postgresql:///lake?host=db.example&user=me&port=6543&password=p%40ss%2Fw0rd&sslmode=require&sslpassword=p%40ss%2Fw0rd",
        f"host=db.example port=6543 user=me dbname=lake password={SECRET} sslmode=require",
    ],
)
def test_a_command_reaches_the_database_and_never_holds_its_password(dsn: str) -> None:
    where = Where.of(Settings(dsn=dsn, store="s3://bucket/my%20lake"), Settings())
    commands = [
        migrate_command([], MigrateOptions(), where),
        rollback_command([1], [], where),
        export_command([], None, "/x.csv", where),
        verify_command([], 1, where),
        inspect_command("views/x", where),
    ]
    for command in commands:
        assert not any(part in command for part in ("p@ss", "w0rd", "p%40ss"))
        words = shlex.split(command)
        params = parse_address(words[words.index("--dsn") + 1]).params
        assert params == {"host": "db.example", "port": "6543", "user": "me", "dbname": "lake", "sslmode": "require"}
        assert words[words.index("--store") + 1] == "s3://bucket/my%20lake"


def test_a_store_with_somebodys_name_and_password_is_shown_without() -> None:
    said = Where.of(Settings(store=f"ftp://me:{SECRET.replace('/', '%2F')}@files.example/lake"), Settings())
    assert said.options == ("--store", "ftp://files.example/lake")


def test_what_the_environment_or_the_profile_says_is_not_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DSN_VARIABLE, "postgres://u:secret@h/d")
    monkeypatch.setenv(STORE_VARIABLE, "s3://bucket/lake")
    assert Where.of(Settings.of()).options == ()
    assert Where.of(Settings.of(store="s3://other")).options == ("--store", "s3://other")
    profile = Settings.of(dsn="postgres://u:secret@prod/d", store="s3://prod", store_driver="fsspec")
    assert Where.of(profile, profile, "prod").options == ("--profile", "prod")
    changed = replace(profile, store="s3://other", journal_schema="mine")
    assert Where.of(changed, profile, "prod").options == (
        "--profile",
        "prod",
        "--store",
        "s3://other",
        "--journal-schema",
        "mine",
    )
