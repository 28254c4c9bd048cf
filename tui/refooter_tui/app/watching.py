"""Keeps the list of entries true: when somebody else writes to the catalog it is read again, quietly, and never all the time."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

import numpy as np

from refooter_tui.app.messages import JobDone, JobKind, Listed
from refooter_tui.app.scoped import of_rows
from refooter_tui.app.settling import Settling
from refooter_tui.cli.render import number, plural
from refooter_tui.model.columns import Int32s

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp

# An engine writes every few seconds, and whoever reads a million entries for it each time does nothing else. After a list so
# much time passes as it took, so many times over, and never less than the first number of seconds.
_REST_SECONDS: Final = 5.0
_REST_TIMES: Final = 10.0


class Watching:
    """Of the app: told of what changed and of lists as they come."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app
        self._job: int | None = None
        self._wanted = False
        self._began = 0.0
        self._rest = _REST_SECONDS
        self._timer: Settling | None = None

    def catalog_changed(self) -> None:
        """Somebody wrote to it."""
        self._wanted = True
        self._look()

    def _look(self) -> None:
        waiting = self._timer is not None and self._timer.waiting
        if not self._wanted or self._job is not None or waiting or self._app.lake.loading:
            return
        self._wanted = False
        self._began = monotonic()
        self._app.lake.table.begin_listing()
        self._job = self._app.engine.load(quiet=True)

    def give_up(self) -> None:
        """Somebody wants the list read from its beginning: what is still on its way of a quiet one counts for nothing."""
        self._job = None

    def listed(self, part: Listed) -> None:
        """A part of a quiet list. What is new is announced like what has changed: the rows on the screen stay as they are."""
        if part.job != self._job:
            return
        lake = self._app.lake
        before = lake.table.retired_count
        new = lake.listed(part)
        if len(new):
            self._app.log_line(f"{plural(len(new), 'new entry', 'new entries')} in the catalog")
            if lake.small:
                self._app.doings.scan(of_rows(lake, _rows(new), self._app.directory), quiet=True)
        if part.complete and (gone := lake.table.retired_count - before) > 0:
            self._app.log_line(
                f"{number(gone)} {'entry is' if gone == 1 else 'entries are'} not in the catalog any more"
            )

    def done(self, said: JobDone) -> None:
        """A list has ended, one way or another; what was missed meanwhile is looked at after a rest."""
        if said.kind is not JobKind.LOAD:
            return
        if said.job == self._job:
            self._job = None
            self._rest = max(_REST_SECONDS, _REST_TIMES * (monotonic() - self._began))
        self._timer = Settling(self._app, self._rest, self._look)
        self._timer.ask()


def _rows(new: range) -> Int32s:
    return np.arange(new.start, new.stop, dtype=np.int32)
