"""Results that came while somebody was at something else: told of at once, shown when they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual.widgets import Input

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp

# Older ones are dropped: a run's result is in the journal as well, and a verification so old says little.
_MOST: Final = 20


class Waiting:
    """One dialog at a time: a second would take the keys that are meant for the first."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app
        self._waiting: deque[Callable[[], object]] = deque(maxlen=_MOST)

    def offer(self, what: str, show: Callable[[], object]) -> None:
        """`show` opens the result of `what`: now, or when it is asked for."""
        app = self._app
        if not (app.screen.is_modal or isinstance(app.focused, Input)):
            show()
            return
        self._waiting.append(show)
        said = f"the result of {what} waits: {app.key_named('runs')} shows it"
        app.log_line(said)
        app.notify(said, markup=False)

    def show_next(self) -> bool:
        """Opens the one that has waited longest; whether there was one."""
        if not self._waiting:
            return False
        self._waiting.popleft()()
        return True
