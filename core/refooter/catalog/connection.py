"""Connections: pooled, timed, without session state, and honest about what went wrong."""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, IsolationLevel, errors
from psycopg.abc import AdaptContext
from psycopg.pq import Format
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from refooter.catalog.address import Address
from refooter.catalog.refusals import refusal
from refooter.catalog.version import CatalogVersion, check_search_path, find_version
from refooter.errors import CatalogChanged, DatabaseUnreachable, RefooterError, UnsupportedCatalog

# The pool reports every failed attempt there; what concerns the user is said once, in our own words.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

Connection = AsyncConnection[TupleRow]
T = TypeVar("T")

CONNECT_SECONDS = 10
READ_SECONDS = 20
WRITE_SECONDS = 30
LOCK_SECONDS = 3
# A process that is stopped in the middle of a transaction (a laptop asleep, a debugger) keeps its row locks no longer than this.
IDLE_SECONDS = 30
# How long a lost database is waited for before a job stops.
RECONNECT_SECONDS = 60.0


class _Gate:
    """Whether a transaction may begin, and whether one has begun that has not ended."""

    def __init__(self) -> None:
        self._open, self._nobody = asyncio.Event(), asyncio.Event()
        self._open.set()
        self._nobody.set()
        self._inside = 0

    @property
    def closed(self) -> bool:
        return not self._open.is_set()

    async def opened(self) -> None:
        await self._open.wait()

    @contextmanager
    def inside(self) -> Iterator[None]:
        self._inside += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._nobody.set()

    async def close(self) -> None:
        self._open.clear()
        await self._nobody.wait()

    def open(self) -> None:
        self._open.set()


async def _at_once() -> None:
    """Where nobody keeps a job from its next transaction."""


class Database:
    """A pool of connections to one catalog. Every statement runs in a transaction with `SET LOCAL` timeouts, so that it
    works through a transaction-pooling proxy (safety 2, 5)."""

    def __init__(self, address: Address, *, read_only: bool = False, size: int = 5) -> None:
        self.address = address
        self.read_only = read_only
        self._size = size
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._gate = _Gate()
        self._before: Callable[[], Awaitable[None]] = _at_once
        self.version = CatalogVersion(0)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connects once by itself, so that a refusal is told in full, finds the catalog's version, then opens the pool.

        Raises `DatabaseUnreachable`, `UnsupportedCatalog`, `MissingRights` or `UsageError`.
        """
        async with self.first() as connection:
            self.version = await find_version(connection, self.address.shown)
        self._pool = AsyncConnectionPool(
            self.address.conninfo,
            connection_class=AsyncConnection[TupleRow],
            kwargs=self._arguments(),
            configure=_configure,
            min_size=1,
            max_size=self._size,
            timeout=CONNECT_SECONDS,
            reconnect_timeout=CONNECT_SECONDS,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        await self._pool.open()

    @asynccontextmanager
    async def first(self) -> AsyncIterator[Connection]:
        """A connection by itself, whatever the database holds, in a read-only transaction."""
        try:
            async with await AsyncConnection.connect(self.address.conninfo, **self._arguments()) as connection:
                await connection.set_read_only(True)
                await limit(connection, READ_SECONDS)
                await check_search_path(connection, self.address)
                yield connection
        except psycopg.OperationalError as error:
            raise self.unreachable(error) from None

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"prepare_threshold": None, "connect_timeout": CONNECT_SECONDS}
        if "application_name" not in self.address.params:
            arguments["application_name"] = "refooter"
        if self.address.encoding is None:
            # As the engine's own client does (sqlx, whatever the database's encoding): with SQL_ASCII on both sides text is bytes.
            arguments["client_encoding"] = "UTF8"
        return arguments

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close(timeout=5)
            self._pool = None

    async def hold(self) -> None:
        """From now on no transaction begins, a heartbeat's neither: whoever wants one waits for `release`. Returns once none is
        open; given up before that, it still holds. Nothing of ours is then left in the server when this process is stopped."""
        await self._gate.close()

    def release(self) -> None:
        self._gate.open()

    async def released(self) -> None:
        """Returns at once unless it is held: for whoever sets a time limit to what comes then."""
        await self._gate.opened()

    def behind(self, gate: Callable[[], Awaitable[None]]) -> Self:
        """The same catalog over the same connections, for one who awaits `gate` before each transaction."""
        other = copy.copy(self)
        other._before = gate
        return other

    @asynccontextmanager
    async def reading(self, seconds: float = READ_SECONDS) -> AsyncIterator[Connection]:
        """A read-only transaction with one snapshot. Must not stay open while anything but the database is awaited."""
        try:
            async with self._transaction(True, IsolationLevel.REPEATABLE_READ, seconds) as connection:
                yield connection
        except (errors.UndefinedTable, errors.UndefinedColumn) as error:
            raise CatalogChanged(
                f"the catalog changed while it was being read: {self.reason(error)}; start anew"
            ) from None
        except errors.CharacterNotInRepertoire as error:
            # Only a database of the encoding SQL_ASCII lets such bytes in.
            raise UnsupportedCatalog(
                f"the catalog in {self.address.shown} holds text that is not UTF-8, which no engine can read: {self.reason(error)}"
            ) from None

    @asynccontextmanager
    async def writing(self, seconds: float = WRITE_SECONDS) -> AsyncIterator[Connection]:
        """A transaction that may write; refused outright in a read-only session."""
        if self.read_only:
            raise PermissionError("this session is read-only")
        async with self._transaction(False, IsolationLevel.READ_COMMITTED, seconds) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, read_only: bool, level: IsolationLevel, seconds: float) -> AsyncIterator[Connection]:
        try:
            async with self._admitted() as connection:
                await connection.set_read_only(read_only)
                await connection.set_isolation_level(level)
                async with connection.transaction():
                    await limit(connection, seconds, IDLE_SECONDS)
                    yield connection
        except PoolTimeout as error:
            raise self.unreachable(error) from None
        except psycopg.Error as error:
            if lost(error):
                raise self.unreachable(error) from error
            raise

    @asynccontextmanager
    async def _admitted(self) -> AsyncIterator[Connection]:
        """A connection on which a transaction may begin. Nobody keeps one while waiting for that: it might be dead by then."""
        assert self._pool is not None, "open() first"
        await self._before()
        while True:
            await self._gate.opened()
            async with self._pool.connection() as connection:
                if self._gate.closed:
                    continue
                with self._gate.inside():
                    yield connection
                    return

    def unreachable(self, error: Exception) -> RefooterError:
        """One sentence of a connection failure, without any part of a password: `DatabaseUnreachable`, or `MissingRights`."""
        return refusal(self.address, self.reason(error))

    def reason(self, error: Exception) -> str:
        """PostgreSQL's own message on one line, scrubbed."""
        if isinstance(error, PoolTimeout):
            return f"no connection within {CONNECT_SECONDS} s"
        diag = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        text = diag or next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return self.address.scrub(text.strip().removeprefix("connection failed: "))


async def limit(connection: Connection, seconds: float, idle: float | None = None) -> None:
    """`SET LOCAL` for the timeouts, in one statement. `idle`: seconds after which the server ends a session that says nothing more."""
    wanted = [("statement_timeout", seconds), ("lock_timeout", LOCK_SECONDS)]
    if idle is not None:
        wanted.append(("idle_in_transaction_session_timeout", idle))
    await connection.execute(
        "SELECT set_config(name, milliseconds, true) FROM unnest(%s::text[], %s::text[]) wanted(name, milliseconds)",
        ([name for name, _ in wanted], [str(int(timeout * 1000)) for _, timeout in wanted]),
    )


async def _configure(connection: Connection) -> None:
    times_as_integers(connection)


def times_as_integers(where: AdaptContext) -> None:
    """Binary times as PostgreSQL's own int64 microseconds: a `datetime` has no infinity, and no year above 9999."""
    as_integer = where.adapters.get_loader(psycopg.adapters.types["int8"].oid, Format.BINARY)
    assert as_integer is not None
    where.adapters.register_loader("timestamptz", as_integer)


def lost(error: Exception) -> bool:
    """Whether the connection or the server is gone, as opposed to one statement that failed."""
    if isinstance(error, DatabaseUnreachable):
        return True
    if isinstance(error, errors.IdleInTransactionSessionTimeout):
        return True
    if not isinstance(error, psycopg.OperationalError):
        return False
    # Class 08 and 57P0x are the server's words for it; without a SQLSTATE it was libpq that noticed.
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))


def exhausted(error: Exception) -> bool:
    """Disk full, out of memory, too many connections: class 53, nobody's row's fault."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(("53", "58"))


def timed_out(error: Exception) -> bool:
    return isinstance(
        error, errors.QueryCanceled | errors.LockNotAvailable | errors.DeadlockDetected | errors.SerializationFailure
    )


async def patiently(call: Callable[[], Awaitable[T]], seconds: float = RECONNECT_SECONDS) -> T:
    """What `call` reads; made again from its start while the database is away, or a table is locked, for so many seconds.

    Raises `DatabaseUnreachable` after that.
    """
    give_up = time.monotonic() + seconds
    pause = 0.5
    while True:
        try:
            return await call()
        except DatabaseUnreachable:
            if time.monotonic() + pause > give_up:
                raise
        except errors.LockNotAvailable as error:
            if time.monotonic() + pause > give_up:
                raise DatabaseUnreachable(
                    f"the catalog stays locked by another session: {error}; run again when that is done"
                ) from None
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)
