"""Connection strings and store addresses as their owners wrote them, through the command line to a real server and real files."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from faults.network import closed_port
from refooter.demo.lake import build_lake
from refooter.demo.server import FAST, Server
from refooter_tui.cli.main import main
from refooter_tui.cli.profile import config_file
from stores.lakes import moto_server
from support.workers import shared_workers

Captured = pytest.CaptureFixture[str]
USER, DATABASE = "o'brien@corp", "my lake"
PASSWORD = "p@ss:w/rd%2F?#[ \\'\"é"
VARIABLES = (
    "MICROMEGAS_SQL_CONNECTION_STRING", "MICROMEGAS_OBJECT_STORE_URI", "PGUSER", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE",
    "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGOPTIONS", "PGSSLMODE", "PGCLIENTENCODING",
)  # fmt: skip


@dataclass(frozen=True)
class There:
    """A server that asks for a password, and the ways to it."""

    socket: str
    port: int
    port6: int | None
    files: Path
    admin: str

    def password(self, password: str) -> None:
        with psycopg.connect(self.admin) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(password)))


@contextmanager
def reached_by_tcp(path: str, family: socket.AddressFamily, host: str) -> Iterator[int]:
    """A port of this machine that leads to a Unix socket."""
    with socket.socket(family) as listening:
        listening.bind((host, 0))
        listening.listen()
        port = listening.getsockname()[1]

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(1 << 16):
                    sink.sendall(data)
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                if ended.is_set():
                    client.close()
                    return
                server = socket.socket(socket.AF_UNIX)
                server.connect(path)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

        ended = threading.Event()
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield port
        finally:
            ended.set()
            socket.create_connection((host, port)).close()
            accepting.join()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    with tempfile.TemporaryDirectory(prefix="refooter-addresses-") as name, Server() as server, shared_workers():
        directory = Path(name)
        directory.chmod(0o755)
        access = directory / "access"
        access.write_text("local all postgres,no_login,nobody_there trust\nlocal all all scram-sha-256\n")
        access.chmod(0o644)
        server.start(directory / "pg", {**FAST, "hba_file": str(access)})
        dsn = server.create_database(DATABASE)
        build_lake(dsn, directory / "my prefix%20", entries=40)
        with psycopg.connect(dsn) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(sql.Identifier(USER)))
            connection.execute("CREATE ROLE no_login")
        at = parse_qs(urlsplit(dsn).query)["host"][0]
        path = f"{at}/.s.PGSQL.5432"
        with reached_by_tcp(path, socket.AF_INET, "127.0.0.1") as port:
            if not has_ipv6():
                yield There(at, port, None, directory, dsn)
                return
            with reached_by_tcp(path, socket.AF_INET6, "::1") as port6:
                yield There(at, port, port6, directory, dsn)


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[str, Any]]:
    with moto_server() as (url, client):
        client.create_bucket(Bucket="lake")
        yield url, client


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "nobodys"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def answer(capsys: Captured) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main([*words, "--json"])
        said = capsys.readouterr()
        assert PASSWORD not in said.out + said.err
        return code, json.loads(said.out)

    return run


Answer = Callable[..., tuple[int, dict[str, Any]]]
PLAIN = "p@ss:w%rd&é=+'\""
U, P, D = (quote(text, safe="") for text in (USER, PASSWORD, DATABASE))

# What is in braces is the place's; each with the password that the role has then.
WRITTEN = {
    "everything escaped": ("postgres://" + U + ":" + P + "@127.0.0.1:{port}/" + D, PASSWORD),
    "a password with @ : % and more, as it is": ("postgres://" + USER + ":" + PLAIN + "@127.0.0.1:{port}/" + D, PLAIN),
    "a database with a space, as it is": ("postgres://" + U + ":" + P + "@127.0.0.1:{port}/my lake", PASSWORD),
    "postgresql:// and a socket escaped as a host": ("postgresql://" + U + ":" + P + "@{socket_escaped}/" + D, PASSWORD),
    "a socket as a parameter": ("postgres:///" + D + "?host={socket}&user=" + U + "&password=" + P, PASSWORD),
    "an address that is IPv6": ("postgres://" + U + ":" + P + "@[::1]:{port6}/" + D, PASSWORD),
    "several hosts, of which one is there": (
        "postgres://" + U + ":" + P + "@127.0.0.1:{closed},127.0.0.1:{port}/" + D,
        PASSWORD,
    ),
    "sqlx's parameters": (
        "postgres://" + U + ":" + P + "@127.0.0.1:{port}/" + D + "?statement-cache-capacity=0&ssl-mode=PREFER&application-name=x",
        PASSWORD,
    ),
    "sqlx's way with options": (
        "postgres://" + U + ":" + P + "@127.0.0.1:{port}/" + D + "?options[search_path]=public&sslmode=disable&pgbouncer=true",
        PASSWORD,
    ),
    "an empty password, which is in no file": ("postgres://postgres:@{socket_escaped}/" + D, PASSWORD),
    "blanks around it": ("  postgres://" + U + ":" + P + "@127.0.0.1:{port}/" + D + " \n", PASSWORD),
}  # fmt: skip


def address_of(there: There, written: str, closed: int) -> str:
    if "{port6}" in written and there.port6 is None:
        pytest.skip("this machine has no IPv6 address to connect to")
    places = {
        "port": there.port,
        "port6": there.port6,
        "closed": closed,
        "socket": there.socket,
        "socket_escaped": quote(there.socket, safe=""),
    }
    for name, value in places.items():
        written = written.replace(f"{{{name}}}", str(value))
    return written


@pytest.mark.parametrize("how", ["--dsn", "environment"])
@pytest.mark.parametrize("what", WRITTEN)
def test_a_url_as_somebody_wrote_it_leads_to_the_catalog(
    there: There, answer: Answer, monkeypatch: pytest.MonkeyPatch, what: str, how: str
) -> None:
    written, password = WRITTEN[what]
    there.password(password)
    with closed_port() as closed:
        address = address_of(there, written, closed)
        if how == "environment":
            monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", address)
            assert answer("runs") == (0, {"runs": [], "runs_total": 0})
        else:
            assert answer("runs", "--dsn", address)[0] == 0


def parts(there: There, **more: Any) -> str:
    return make_conninfo("", **{"host": "127.0.0.1", "port": there.port, "user": USER, "dbname": DATABASE, **more})


def test_pairs_of_libpq_lead_there_too(there: There, answer: Answer) -> None:
    there.password(PASSWORD)
    assert answer("runs", "--dsn", parts(there, password=PASSWORD))[0] == 0
    assert answer("runs", "--dsn", parts(there, password=PASSWORD, host=there.socket, port=5432))[0] == 0


def with_environment(there: There, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return parts(there)


def with_a_password_file(there: There, monkeypatch: pytest.MonkeyPatch) -> str:
    file = there.files / "passwords"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"127.0.0.1:{there.port}:{DATABASE}:{USER}:{escaped}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    return parts(there)


@pytest.mark.parametrize("kept", [with_environment, with_a_password_file])
@pytest.mark.parametrize("profile", [False, True])
def test_a_password_kept_apart_is_found_with_a_profile_and_without(
    there: There,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    kept: Callable[[There, pytest.MonkeyPatch], str],
    profile: bool,
) -> None:
    there.password(PASSWORD)
    dsn = kept(there, monkeypatch)
    if not profile:
        assert answer("runs", "--dsn", dsn)[0] == 0
        return
    config_file().parent.mkdir(parents=True)
    config_file().write_text(f"[prod]\ndsn = {json.dumps(dsn)}\n")
    assert answer("runs", "--profile", "prod")[0] == 0


def test_libpqs_own_variables_do_where_nothing_else_is_said_and_empty_ones_say_nothing(
    there: There, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.password(PASSWORD)
    for name, value in {
        "MICROMEGAS_SQL_CONNECTION_STRING": "",
        "MICROMEGAS_OBJECT_STORE_URI": "",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(there.port),
        "PGUSER": USER,
        "PGDATABASE": DATABASE,
        "PGPASSWORD": PASSWORD,
    }.items():
        monkeypatch.setenv(name, value)
    assert answer("runs")[0] == 0
    assert answer("runs", "--dsn", "")[0] == 0
    code, refused = answer("migrate", "--yes")
    assert (code, refused["error"]["code"]) == (2, "usage")
    assert "no object store is named" in refused["error"]["message"]


REFUSED = {
    "a wrong password": ({"password": "wr@ng-one"}, 3, "check the user and the password in the connection string, PGPASSWORD"),
    "no password": ({}, 3, "check the user and the password in the connection string, PGPASSWORD or PGPASSFILE"),
    "no such database": ({"dbname": "nowhere", "password": PASSWORD}, 3, 'database "nowhere" does not exist; check the database'),
    "no catalog": ({"dbname": "postgres", "password": PASSWORD}, 2, "this is not a lakehouse catalog"),
    "text as bytes": (
        {"password": PASSWORD, "client_encoding": "SQL_ASCII"}, 2, "gives text as bytes of no known encoding (SQL_ASCII"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_who_is_not_let_in_is_told_why_in_one_sentence(there: There, answer: Answer, what: str) -> None:
    there.password(PASSWORD)
    given, code, said = REFUSED[what]
    found, refused = answer("runs", "--dsn", parts(there, **given))
    message = refused["error"]["message"]
    assert (found, said in message) == (code, True), message
    assert "\n" not in message
    assert "wr@ng" not in message


def test_a_role_that_is_not_there_and_one_that_may_not_log_in(there: There, answer: Answer) -> None:
    code, refused = answer("runs", "--dsn", there.admin.replace("postgres@", "nobody_there@"))
    assert (code, refused["error"]["code"]) == (3, "database_unreachable")
    assert 'role "nobody_there" does not exist; check the user' in refused["error"]["message"]
    code, refused = answer("runs", "--dsn", there.admin.replace("postgres@", "no_login@"))
    assert (code, refused["error"]["code"]) == (2, "missing_rights")
    assert refused["error"]["message"].startswith("missing right: LOGIN for the user of no_login@")


def test_bytes_for_text_are_refused_however_they_were_asked_for(
    there: There, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    code, refused = answer("runs", "--dsn", there.admin)
    assert (code, refused["error"]["code"]) == (2, "usage")
    assert "client_encoding=UTF8" in refused["error"]["message"]
    assert answer("runs", "--dsn", f"{there.admin}&client_encoding=UTF8")[0] == 0
    assert answer("runs", "--dsn", f"{there.admin}&client_encoding=LATIN1")[0] == 0


ROOTS = {
    "file:///": lambda directory: f"file://{directory}/my%20prefix%2520",
    "file:/// with a slash at its end": lambda directory: f"file://{directory}/my%20prefix%2520/",
    "file://localhost/": lambda directory: f"file://localhost{directory}/my%20prefix%2520",
    "a path": lambda directory: f"{directory}/my prefix%20",
    "a path with a slash at its end": lambda directory: f"{directory}/my prefix%20/",
}


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
@pytest.mark.parametrize("what", ROOTS)
def test_a_directory_with_a_space_and_a_percent_sign_in_its_name_is_found(
    there: There, answer: Answer, monkeypatch: pytest.MonkeyPatch, what: str, driver: str
) -> None:
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", ROOTS[what](there.files))
    _, scanned = answer("scan", "--deep", "--dsn", there.admin, "--store-driver", driver)
    states = scanned["by_file_state"]
    assert states["present"] > 30
    assert states["unreachable"] == states["denied"] == 0


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
@pytest.mark.parametrize("prefix", ["my%20prefix", "my%20prefix/", "a%2Bb/c%25d"])
def test_a_prefix_in_a_bucket_is_decoded_as_the_engine_decodes_it(
    there: There, answer: Answer, s3: Any, monkeypatch: pytest.MonkeyPatch, prefix: str, driver: str
) -> None:
    url, client = s3
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    key = unquote(prefix).strip("/")
    for path in (there.files / "my prefix%20").rglob("*.parquet"):
        name = path.relative_to(there.files / "my prefix%20").as_posix()
        client.put_object(Bucket="lake", Key=f"{key}/{name}", Body=path.read_bytes())
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", f"s3://lake/{prefix}")
    _, scanned = answer("scan", "--deep", "--dsn", there.admin, "--store-driver", driver)
    assert scanned["by_file_state"]["present"] > 30
    assert scanned["by_file_state"]["unreachable"] == scanned["by_file_state"]["denied"] == 0
