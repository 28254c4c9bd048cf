"""Passwords and keys (safety 21): every command, with right and with wrong ones, in every way to give them; then everything that
came out is searched, and no part of any of them is there."""

from __future__ import annotations

import base64
import itertools
import json
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.terminal import terminal
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import FAST, Server
from refooter.settings import Settings
from refooter.store import Patience
from refooter.store import store as storing
from refooter_tui.app.command import Where
from refooter_tui.cli.main import main
from stores.lakes import moto_server
from support.workers import shared_workers

Captured = pytest.CaptureFixture[str]
ENTRIES: Final = 40
_numbers = itertools.count(1)

# Runs of letters between all that an address, a shell, a file or a header gives a meaning to: each run is looked for by itself.
NASTY: Final = """Kx9vQ@z7wJh:mVb5/nTg8Y%40fLck#gDp4W?sRd0v&Nb8Xq=HtjG5 'Uyk6A"Oel3P\\CsyM9$Zej4Bué^Ypr7L"""
# as far as it can stand in an address unescaped: sqlx takes the last @, and decodes what is escaped
RAW: Final = "Fw3tR@u8dGs:Ql6kE%40aWy2Nû+MoxC5"
WRONG: Final = """Ji4nX@p9fTk:vGm6/eBr3H%41qUdz#wLa8S?oVcp&Ix7Yt=KgwD2 'Njb5Q"Rhu9F\\ZmsE1$Tqx8Aö^Wlk0C"""
TOKEN: Final = "Pz7rF/uXk3w+Lm9cV==é~Hs6yD"
SECRETS: Final = (NASTY, RAW, WRONG, TOKEN)


def pieces(secret: str) -> set[str]:
    """Four characters in a row of whatever an encoding leaves as it is; of the whole, what others make of it."""
    runs = [run for run in re.split(r"[^A-Za-z0-9]+", secret) if len(run) >= 4]
    found = {run[at : at + 4] for run in runs for at in range(len(run) - 3)}
    encoded = {base64.b64encode(secret.encode()).decode(), secret.encode().hex()}
    return found | {one[at : at + 12] for one in encoded for at in range(0, len(one) - 12, 4)}


ALL_PIECES: Final = {piece: secret for secret in SECRETS for piece in pieces(secret)}
_SOUGHT: Final = re.compile("|".join(sorted(map(re.escape, ALL_PIECES))))


def assert_nothing_of_them(text: str, where: str) -> None:
    found = _SOUGHT.search(text)
    assert found is None, f"{found[0]!r} is in {where}: {text[max(0, found.start() - 200) : found.end() + 200]}"


def test_the_search_finds_a_secret_however_it_is_written() -> None:
    for secret in SECRETS:
        for written in (
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            repr(secret),
            json.dumps(secret),
            secret[:5],
        ):
            assert _SOUGHT.search(f"... {written} ..."), written
        assert _SOUGHT.search(base64.b64encode(secret.encode()).decode())


@dataclass
class Guarded:
    """A server that wants passwords, over TCP; `operator` has the nasty one, `simple` one that may stand in an address."""

    port: int
    admin: str
    summary: LakeSummary
    directory: Path

    def address(self, user: str, password: str) -> str:
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/lake"

    @property
    def right(self) -> str:
        return self.address("operator", quote(NASTY, safe=""))

    @property
    def wrong(self) -> str:
        return self.address("operator", quote(WRONG, safe=""))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with (
        tempfile.TemporaryDirectory(prefix="refooter-secrets-") as name,
        pytest.MonkeyPatch.context() as patch,
        Server() as running,
        shared_workers(),
    ):
        directory, port = Path(name), _free_port()
        # the server's own helpers say no port
        patch.setenv("PGPORT", str(port))
        data = directory / "pg"
        running.start(data, {**FAST, "listen_addresses": "127.0.0.1", "port": str(port), "log_statement": "all"})
        admin = running.create_database("lake")
        summary = build_lake(admin, directory / "lake", entries=ENTRIES)
        with psycopg.connect(admin, autocommit=True) as connection:
            for user, password in (("operator", NASTY), ("simple", unquote(RAW))):
                # as an administrator would, so that the server's log does not hold it either
                hashed = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
                connection.execute(
                    sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(sql.Identifier(user), hashed)
                )
            hba = data / "pg_hba.conf"
            hba.write_text("host all all 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
            connection.execute("SELECT pg_reload_conf()")
        patch.delenv("PGPORT")
        yield Guarded(port, f"{admin}&port={port}", summary, directory)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nor anything that fsspec remembers of another test's keys."""
    import s3fs

    monkeypatch.setattr(storing, "Patience", lambda: Patience(budget=0.4, attempt=0.2))
    for name in ("MICROMEGAS_SQL_CONNECTION_STRING", "MICROMEGAS_OBJECT_STORE_URI", "PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


def said_by(words: list[str], capfd: Captured, codes: tuple[int, ...]) -> str:
    """What a command says in both of its ways, checked."""
    said = ""
    for more in ([], ["--json"]):
        capfd.readouterr()
        code = main([*words, *more])
        out, err = capfd.readouterr()
        assert code in codes, (code, words[0], err)
        assert_nothing_of_them(out, f"standard output of {words[0]} {more}")
        assert_nothing_of_them(err, f"standard error of {words[0]} {more}")
        said += out + err
    return said


def every_command(at: Guarded) -> dict[str, list[str]]:
    a_file = at.summary.paths(kind="framed")[0]
    at_hand = at.directory / f"{next(_numbers)}"
    return {
        "views": ["views"],
        "scan": ["scan", "--deep", "-o", f"{at_hand}.csv"],
        "inspect": ["inspect", a_file, "--all"],
        "migrate --dry-run": ["migrate", "--dry-run"],
        "migrate": ["migrate", "--yes"],
        "verify": ["verify", "--run", "1", "--against-store"],
        "runs": ["runs"],
        "runs show": ["runs", "show", "1"],
        "export": ["export", "-o", f"{at_hand}.jsonl"],
        "backup": ["backup", "-o", f"{at_hand}.parquet"],
        "rollback": ["rollback", "1", "--yes"],
        "restore": ["restore", f"{at_hand}.parquet", "--yes"],
        "runs prune": ["runs", "prune", "1", "--yes"],
        "init": ["init", "--sql"],
    }


def test_no_command_says_a_right_password_nor_writes_it_anywhere(
    guarded: Guarded, capfd: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", guarded.right)
    assert guarded.summary.store is not None
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", guarded.summary.store)
    for words in every_command(guarded).values():
        # the second time round a file or an image that is to be written is there, or gone
        said_by(words, capfd, (0, 1, 2))
    assert _journal_of(guarded, "run")[0][0] >= 3
    for process in psutil.Process().children(recursive=True):
        # the server's own come and go
        with suppress(psutil.NoSuchProcess):
            assert_nothing_of_them(" ".join(process.cmdline()), "the title of a child process")


def _journal_of(at: Guarded, table: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(at.admin) as connection:
        return connection.execute(f"SELECT count(*) FROM refooter.{table}").fetchall()  # type: ignore[arg-type]


def test_no_command_says_a_wrong_password(guarded: Guarded, capfd: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", guarded.wrong)
    monkeypatch.setenv("PGPASSWORD", NASTY)
    for name, words in every_command(guarded).items():
        said = said_by(words, capfd, (3,) if name != "init" else (0, 3))
        assert name == "init" or f"operator@127.0.0.1:{guarded.port}/lake" in said


def _password_file(at: Guarded, password: str) -> str:
    made = at.directory / f"pgpass-{next(_numbers)}"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    made.write_text(f"127.0.0.1:{at.port}:lake:operator:{escaped}\n")
    made.chmod(0o600)
    return str(made)


def _spellings(at: Guarded, password: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Every way to give a password that is understood: words, and what is in the environment."""
    host = {"host": "127.0.0.1", "port": str(at.port), "user": "operator", "dbname": "lake"}
    pg = {"PGHOST": "127.0.0.1", "PGPORT": str(at.port), "PGUSER": "operator", "PGDATABASE": "lake"}
    escaped = quote(password, safe="")
    bare = f"postgres://operator@127.0.0.1:{at.port}/lake"
    return {
        "address": (["--dsn", at.address("operator", escaped)], {}),
        "address, in one word": ([f"--dsn={at.address('operator', escaped)}"], {}),
        "query": (["--dsn", f"{bare}?password={escaped}"], {}),
        "sqlx query": (["--dsn", f"{bare}?ssl-mode=prefer&statement-cache-capacity=5&password={escaped}"], {}),
        "key=value": (["--dsn", make_conninfo("", password=password, **host)], {}),
        "PGPASSWORD": ([], {**pg, "PGPASSWORD": password}),
        "PGPASSFILE": (["--dsn", bare], {"PGPASSFILE": _password_file(at, password)}),
        "passfile": (["--dsn", f"{bare}?passfile={quote(_password_file(at, password), safe='')}"], {}),
        "profile": (["--profile", "prod"], _profile(at, at.address("operator", escaped))),
        "environment": ([], {"MICROMEGAS_SQL_CONNECTION_STRING": at.address("operator", escaped)}),
    }


def _profile(at: Guarded, dsn: str) -> dict[str, str]:
    home = at.directory / f"config-{next(_numbers)}"
    (home / "refooter").mkdir(parents=True)
    (home / "refooter" / "config.toml").write_text(f"[prod]\ndsn = {json.dumps(dsn)}\n")
    return {"XDG_CONFIG_HOME": str(home)}


@contextmanager
def environment(more: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in more.items():
            patch.setenv(name, value)
        yield


@pytest.mark.parametrize("password", [NASTY, WRONG], ids=["right", "wrong"])
def test_a_password_is_understood_in_every_spelling_and_said_in_none(
    password: str, guarded: Guarded, capfd: Captured
) -> None:
    for name, (words, more) in _spellings(guarded, password).items():
        with environment(more):
            said = said_by(["views", *words], capfd, (0,) if password == NASTY else (3,))
            assert (password == NASTY) == ("view" in said and "cannot reach" not in said), name
            assert_nothing_of_them(_commands_of(words, more), f"a command that the app shows, {name}")


def _commands_of(words: list[str], more: dict[str, str]) -> str:
    dsn = next((word.removeprefix("--dsn=") for word in words if "=" in word or "://" in word), None)
    settings = Settings.of(dsn=dsn, environ=more)
    return " ".join(Where.of(settings, Settings()).options) + repr(settings)


def test_a_password_that_stands_unescaped_in_an_address_is_understood_and_not_said(
    guarded: Guarded, capfd: Captured
) -> None:
    said = said_by(["views", "--dsn", guarded.address("simple", RAW)], capfd, (0,))
    assert "views" in said
    for refused in (NASTY, WRONG):
        said_by(["views", "--dsn", guarded.address("operator", refused)], capfd, (2, 3))


MANGLED: Final = {
    "a port in the password": "postgres://operator:{0}/@h/d",
    "no scheme of PostgreSQL": "mysql://operator:{0}@h/d",
    "a quote that is not closed": "host=h password='{0}",
    "a key nobody knows": "host=h pasword={1}",
    "a parameter nobody knows": "postgres://h/d?pasword={1}",
    "a name with a password's end": "postgres://u:{0}@h,:{0}@i/d",
    "an address in a key": "postgres://u:{1}@h/d?options=-c%20x={1}@y",
}  # fmt: skip


@pytest.mark.parametrize("name", MANGLED)
def test_an_address_that_cannot_be_read_is_not_repeated(name: str, capfd: Captured) -> None:
    for secret in (NASTY, RAW, WRONG):
        said_by(["views", "--dsn", MANGLED[name].format(secret, quote(secret, safe=""))], capfd, (2, 3))


@pytest.mark.parametrize(
    "words",
    [
        ["postgres://operator:{0}@h/d"],
        ["postgres://operator:{0}@h/d", "views"],
        ["views", "postgres://operator:{0}@h/d"],
        ["views", "--dns", "postgres://operator:{0}@h/d"],
        ["views", "--dns=postgres://operator:{0}@h/d"],
        ["views", "--password", "{0}"],
        ["views", "--password={0}"],
        ["inspect", "postgres://operator:{0}@h/d"],
        ["scan", "--path", "postgres://operator:{0}@h/d"],
        ["scan", "--view", "postgres://operator:{0}@h/d"],
        ["scan", "--since", "postgres://operator:{0}@h/d"],
        ["scan", "--status", "host=h password={0}"],
        ["scan", "--paths-from", "postgres://operator:{0}@h/d"],
        ["migrate", "--strategy", "postgres://operator:{0}@h/d"],
        ["migrate", "--concurrency", "postgres://operator:{0}@h/d"],
        ["runs", "show", "postgres://operator:{0}@h/d"],
        ["export", "-o", "postgres://operator:{0}@h/d"],
        ["views", "--profile", "postgres://operator:{0}@h/d"],
    ],
)
def test_an_address_in_a_wrong_place_is_not_repeated(words: list[str], guarded: Guarded, capfd: Captured) -> None:
    for secret in (NASTY, RAW, WRONG):
        given = [word.format(secret) for word in words]
        connection = ["--dsn", guarded.right] if words[0] in ("inspect", "scan") else []
        said_by([*given, *connection], capfd, (2, 3))


_PLACES: Final = (
    "s3://AKIAIOSFODNN7EXAMPLE:{0}@bucket/lake{1}",
    "s3://bucket/lake{1}?aws_secret_access_key={0}",
    "https://127.0.0.1:1/lake{1}?X-Amz-Credential=AKIA&X-Amz-Signature={0}",
    "http://me:{0}@127.0.0.1:1/lake{1}",
    "ftp://me:{0}@127.0.0.1:1/lake{1}",
    "az://box/lake{1}?sv=2024&sig={0}",
    "nosuch://me:{0}@h/lake{1}",
)


@pytest.mark.parametrize("place", _PLACES)
def test_no_address_of_a_store_or_a_file_is_said_with_the_secret_in_it(
    place: str, guarded: Guarded, capfd: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", guarded.right)
    a_file = guarded.summary.paths(kind="framed")[0]
    for secret in (quote(WRONG, safe=""), WRONG):
        said_by(["scan", "--deep", "--path", a_file, "--store", place.format(secret, "")], capfd, (0, 1, 2, 3))
        for words in (["export", "-o"], ["inspect", "--file"], ["backup", "-o"], ["restore", "--yes"]):
            ending = ".parquet" if words[0] in ("inspect", "backup", "restore") else ".csv"
            said_by([*words, place.format(secret, f"/a{ending}")], capfd, (2, 3))


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[str, Any]]:
    with moto_server() as (url, client):
        client.create_bucket(Bucket="lake")
        yield url, client


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
@pytest.mark.parametrize("token", [None, TOKEN, f"{TOKEN}\n"])
def test_no_key_of_an_object_store_is_said(
    driver: str,
    token: str | None,
    guarded: Guarded,
    bucket: tuple[str, Any],
    capfd: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", guarded.right)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", WRONG[:9] if token else "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", NASTY)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    if token is not None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    url, client = bucket
    a_file = guarded.summary.paths(kind="framed")[0]
    content = (guarded.directory / "lake" / a_file).read_bytes()
    client.put_object(Bucket="lake", Key=a_file, Body=content)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    more = ["--store", "s3://lake", "--store-driver", driver]
    said_by(["migrate", "--dry-run", "--strategy", "refetch", "--path", a_file, "--force", *more], capfd, (0, 1, 2, 3))
    said_by(["inspect", "--file", f"s3://lake/{a_file}", "--store-driver", driver], capfd, (0, 1, 2, 3))
    if token is not None and token.endswith("\n"):
        # no header can hold it, and s3fs tries for long
        return
    said_by(["export", "-o", "s3://lake/rows.csv", *more], capfd, (0, 2, 3))
    for key in ("rows.csv",):
        found = client.list_objects_v2(Bucket="lake", Prefix=key).get("Contents", [])
        for one in found:
            body = client.get_object(Bucket="lake", Key=one["Key"])["Body"].read()
            assert_nothing_of_them(body.decode(), "an export")


def test_the_app_shows_and_logs_no_part_of_a_password(guarded: Guarded, tmp_path: Path) -> None:
    environment = {
        "MICROMEGAS_SQL_CONNECTION_STRING": guarded.wrong,
        "PGPASSWORD": NASTY,
        "AWS_SECRET_ACCESS_KEY": NASTY,
    }
    with terminal("tui", state=tmp_path / "wrong", environment=environment) as there:
        there.until(lambda text: "cannot reach PostgreSQL" in text)
        assert_nothing_of_them(there.text, "the screen")
    environment["MICROMEGAS_SQL_CONNECTION_STRING"] = guarded.right
    assert guarded.summary.store is not None
    environment["MICROMEGAS_OBJECT_STORE_URI"] = guarded.summary.store
    with terminal("tui", state=tmp_path / "right", environment=environment) as there:
        there.until(lambda text: "log_entries" in text)
        for process in [there.process, *psutil.Process(there.process.pid).children(recursive=True)]:
            title = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
            assert_nothing_of_them(title, "the title of a process")
        assert_nothing_of_them(there.text, "the screen")
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert "refooter.log" in {file.name for file in kept}
    for file in kept:
        assert_nothing_of_them(file.read_text(errors="replace"), str(file))


def test_at_the_end_nothing_that_was_written_anywhere_holds_a_secret(guarded: Guarded) -> None:
    """The journal with all its columns, what the server knows of sessions, its log of every statement, and all files."""
    with psycopg.connect(guarded.admin) as connection:
        for table in ("run", "change", "result", "journal_version"):
            for (row,) in connection.execute(f"SELECT t::text FROM refooter.{table} t").fetchall():  # type: ignore[arg-type]
                assert_nothing_of_them(row, f"the journal's {table}")
        names = connection.execute("SELECT application_name, query FROM pg_stat_activity").fetchall()
        assert_nothing_of_them(repr(names), "pg_stat_activity")
    log = (guarded.directory / "pg" / "log").read_text(errors="replace")
    assert "FROM partition_metadata" in log
    assert_nothing_of_them(log, "the server's log")
    written = [one for one in guarded.directory.glob("[0-9]*.*") if one.is_file()]
    assert {one.suffix for one in written} >= {".csv", ".jsonl", ".parquet"}
    for one in written:
        assert_nothing_of_them(one.read_bytes().decode("latin-1"), one.name)
