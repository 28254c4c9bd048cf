"""PgBouncer in front of the tests' server, pooling transactions: what a statement leaves in its session, somebody else finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

POOL: Final = 2
_CONFIGURATION: Final = """
[databases]
* = host={server} port=5432
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 50
{more}
"""
_START_SECONDS: Final = 20.0


@contextmanager
def pooler(dsn: str, *, users: tuple[str, ...] = ("postgres",), more: str = "") -> Iterator[str]:
    """The address of the same database through a proxy of `POOL` connections to it. Skips the test where there is no PgBouncer."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed, so nothing is known of a transaction-pooling proxy here")
    server = parse_qs(urlsplit(dsn).query)["host"][0]
    with tempfile.TemporaryDirectory(prefix="refooter-pooler-") as name:
        directory = Path(name)
        (directory / "users").write_text("".join(f'"{user}" ""\n' for user in users))
        file = directory / "pgbouncer.ini"
        file.write_text(_CONFIGURATION.format(server=server, directory=directory, pool=POOL, more=more))
        command = [program, "-q", str(file)]
        if os.geteuid() == 0:
            # It refuses to be root, and only the server's own user may be let into the directory of the server's socket.
            owner = Path(server).owner()
            for path in (directory, *directory.iterdir()):
                shutil.chown(path, owner)
            command += ["-u", owner]
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        address = f"{dsn.partition('?')[0]}?host={quote(name, safe='')}&port=6432"
        try:
            _wait(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PgBouncer did not start: {log.read_text()}") from error
        time.sleep(0.02)


@contextmanager
def every_server_connection(address: str) -> Iterator[list[psycopg.Connection[tuple[object, ...]]]]:
    """Connections through the proxy that between them hold all of its own, each in a transaction."""
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    try:
        for _ in range(POOL):
            connection = psycopg.connect(address, prepare_threshold=None)
            held.append(connection)
            connection.execute("SELECT 1")
        yield held
    finally:
        for connection in held:
            connection.close()
