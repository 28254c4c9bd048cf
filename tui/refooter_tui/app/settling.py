"""Something to be done once things have come to rest: held keys and spinning wheels ask for it many times a second."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer


class Settling:
    """Does `then` once nobody has asked for it for so many seconds."""

    def __init__(self, pump: MessagePump, seconds: float, then: Callable[[], None]) -> None:
        self._pump, self._seconds, self._then = pump, seconds, then
        self._timer: Timer | None = None

    @property
    def waiting(self) -> bool:
        return self._timer is not None

    def ask(self) -> None:
        """Asked for, again perhaps: the time begins anew."""
        self.drop()
        self._timer = self._pump.set_timer(self._seconds, self._over)

    def drop(self) -> None:
        """Not wanted any more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _over(self) -> None:
        self._timer = None
        self._then()
