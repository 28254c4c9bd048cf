"""Whether the store is the lake's at all, asked before anything is believed or written (safety 16)."""

from __future__ import annotations

import asyncio
from functools import partial

from refooter.catalog.connection import Database, patiently
from refooter.catalog.views import sample_files
from refooter.errors import StoreUnreachable
from refooter.store import Store, StoreFailure
from refooter.values import Reason

_SAMPLES = 64
_AT_ONCE = 8


class StoreProof:
    """Reads one catalogued footer, once; until then a missing file proves nothing but that the store may be the wrong one."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._lock = asyncio.Lock()
        self.holds = False

    async def ensure(self, first: tuple[str, int | None] | None = None) -> None:
        """Returns once a footer could be read: of the file `first` (path, size in bytes), or of any other that the catalog names.

        Raises `StoreUnreachable` where none can be.
        """
        async with self._lock:
            if self.holds:
                return
            failures: list[StoreFailure] = []
            if first is not None:
                await self._try([first], failures)
            others = [] if self.holds else await patiently(partial(sample_files, self._database, _SAMPLES))
            for start in range(0, len(others), _AT_ONCE):
                if self.holds or any(failure.reason is Reason.STORE_UNREACHABLE for failure in failures):
                    break
                await self._try(others[start : start + _AT_ONCE], failures)
            if not self.holds:
                raise StoreUnreachable(self._sentence(failures))

    async def _try(self, files: list[tuple[str, int | None]], failures: list[StoreFailure]) -> None:
        answers = await asyncio.gather(
            *(self._store.read_footer(path, size) for path, size in files), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, StoreFailure):
                failures.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self.holds = True

    def _sentence(self, failures: list[StoreFailure]) -> str:
        root = self._store.shown
        if not failures:
            return f"nothing found under {root}: the catalog names no file that it could be tried with"
        for reason in (Reason.STORE_UNREACHABLE, Reason.STORE_DENIED):
            for failure in failures:
                if failure.reason is reason:
                    return f"the object store at {root} cannot be read: {failure.sentence}"
        return (
            f"nothing found under {root}: of {len(failures)} catalogued files none could be read ({failures[0].sentence});"
            " check --store before believing that files are missing"
        )
