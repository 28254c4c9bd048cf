"""Asks for the highlighted entry's detail: once the cursor has come to rest, and again only when the entry is another one by now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from textual.message_pump import MessagePump

from refooter_tui.app.lake_view import LakeView
from refooter_tui.app.settling import Settling

# Longer than a held key's pause between two strokes.
_REST: Final = 0.06
# What comes sooner than this replaces the entry before it without a word in between.
_PATIENCE: Final = 0.15


class _Asks(Protocol):
    def detail(self, path: str, *, with_file: bool = False) -> int: ...


class Looking:
    """`row` is the highlighted one, `say` puts a sentence in place of an entry."""

    def __init__(
        self,
        pump: MessagePump,
        lake: LakeView,
        engine: _Asks,
        row: Callable[[], int | None],
        say: Callable[[str], None],
    ) -> None:
        self._lake, self._engine, self._row, self._say = lake, engine, row, say
        self._rest = Settling(pump, _REST, self._ask)
        self._late = Settling(pump, _PATIENCE, self._say_reading)
        self._looked: tuple[int, int] | None = None
        self.request = -1
        """The number of the question that is to be answered, or was last."""
        self.with_file = False
        """Whether that question, or its answer, is about the file too."""

    def look(self) -> None:
        """The cursor may be on another entry, or the entry under it have changed. Nothing is asked for what is there already."""
        row = self._row()
        if row is None:
            self.forget()
        elif self._looked != (row, self._touched(row)):
            self._rest.ask()

    def open(self, row: int) -> None:
        """This entry, and its file as a migration would read it; at once."""
        self._rest.drop()
        self._ask_of(row, with_file=True)

    def asked(self, request: int) -> None:
        """Somebody else has asked for the highlighted entry: that is the answer to wait for."""
        row = self._row()
        self._rest.drop()
        self.request, self.with_file = request, False
        self._looked = None if row is None else (row, self._touched(row))

    def forget(self) -> None:
        """What is shown is of no entry that is highlighted now."""
        self._rest.drop()
        self._late.drop()
        self._looked, self.request, self.with_file = None, -1, False

    def answered(self, request: int) -> bool:
        """An answer has come; whether it is the one that is waited for."""
        if request != self.request:
            return False
        self._late.drop()
        return True

    def _touched(self, row: int) -> int:
        return int(self._lake.table.touched[row])

    def _ask(self) -> None:
        row = self._row()
        if row is None:
            self.forget()
            return
        looked = (row, self._touched(row))
        if looked != self._looked:
            # an entry that was opened with its file, and has changed since, is read in the same way again
            same = self._looked is not None and self._looked[0] == row
            self._ask_of(row, with_file=same and self.with_file)

    def _ask_of(self, row: int, *, with_file: bool) -> None:
        same = self._looked is not None and self._looked[0] == row
        self._looked, self.with_file = (row, self._touched(row)), with_file
        self.request = self._engine.detail(self._lake.table.path(row), with_file=with_file)
        if same:
            self._late.drop()
        else:
            self._late.ask()

    def _say_reading(self) -> None:
        self._say("reading …")
