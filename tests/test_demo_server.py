from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest

from refooter.demo.server import FAST, Server
from refooter.errors import DatabaseUnreachable


@pytest.fixture
def place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="refooter-tests-") as directory:
        yield Path(directory)


def test_the_address_works_in_another_process(dsn: str) -> None:
    asking = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute('SELECT 6 * 7').fetchone()[0])"
    answer = subprocess.run([sys.executable, "-c", asking, dsn], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "42"


def test_each_test_has_an_empty_database(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        row = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row == (0,)


def test_a_database_may_have_any_name(server: Server) -> None:
    name = 'a "lake" @ 100%/x?y'
    with psycopg.connect(server.create_database(name)) as conn:
        assert conn.info.dbname == name
    assert server.has_database(name)
    server.drop_database(name)
    assert not server.has_database(name)


def test_a_database_is_dropped_although_a_session_is_open(server: Server) -> None:
    left_open = psycopg.connect(server.create_database("busy"))
    server.drop_database("busy")
    assert not server.has_database("busy")
    left_open.close()


def test_a_second_start_over_the_same_directory_finds_the_data(place: Path) -> None:
    with Server() as first:
        first.start(place / "pg", FAST)
        with psycopg.connect(first.create_database("kept")) as conn:
            conn.execute("CREATE TABLE t AS SELECT 1 AS x")
    with Server() as second:
        second.start(place / "pg", FAST)
        with psycopg.connect(second.dsn("kept")) as conn:
            assert conn.execute("SELECT x FROM t").fetchone() == (1,)


def test_a_stopped_server_has_ended_and_may_be_stopped_again(place: Path) -> None:
    server = Server()
    dsn = server.start(place / "pg", FAST)
    assert server.pid is not None
    postmaster = psutil.Process(server.pid)
    session = psycopg.connect(dsn)
    server.stop()
    assert not postmaster.is_running()
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    session.close()


@pytest.mark.parametrize("name", ["with, \"odd\" 'letters' é", "long" * 30])
def test_the_directory_may_have_any_name(place: Path, name: str) -> None:
    with Server() as server, psycopg.connect(server.start(place / name, FAST)) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_does_not_start_says_why_and_leaves_nothing_behind(place: Path) -> None:
    before = set(psutil.Process().children())
    server = Server()
    with pytest.raises(DatabaseUnreachable, match="shared_buffers"):
        server.start(place / "pg", {"shared_buffers": "plenty"})
    assert server.pid is None
    assert set(psutil.Process().children()) <= before


def test_a_directory_with_other_things_in_it_is_refused(place: Path) -> None:
    (place / "thesis.txt").write_text("precious")
    with pytest.raises(DatabaseUnreachable, match="not empty"):
        Server().start(place)


def test_a_second_server_over_a_directory_in_use_fails_and_leaves_the_first_alone(place: Path) -> None:
    with Server() as first:
        dsn = first.start(place / "pg", FAST)
        second = Server()
        with pytest.raises(DatabaseUnreachable, match="already exists"):
            second.start(place / "pg", FAST)
        with psycopg.connect(dsn) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)


_OWNER = """
import sys
from pathlib import Path
from refooter.demo.server import FAST, Server
server = Server()
server.start(Path(sys.argv[1]), FAST)
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, None], ids=["SIGKILL", "SIGTERM", "plain exit"])
def test_the_server_never_outlives_its_process(place: Path, ending: signal.Signals | None) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(place / "pg")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    postmaster = psutil.Process(int(owner.stdout.readline()))
    backends = [postmaster, *postmaster.children()]
    if ending is not None:
        owner.send_signal(ending)
    owner.communicate()
    _, alive = psutil.wait_procs(backends, timeout=30)
    assert alive == []
