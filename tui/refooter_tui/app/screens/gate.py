"""Which key presses count: none that was made before the dialog was painted, none of a key that is held down."""

from __future__ import annotations

from time import monotonic

from textual import events
from textual.app import App

# A key that comes again sooner than this is taken to be held down.
REPEAT_SECONDS = 0.6


class KeyGate:
    """Closed until `open`. Every key has to be shown to it, for it to know which are repeats."""

    def __init__(self) -> None:
        self._open_since: float | None = None
        self._last: tuple[str, float] = ("", 0.0)

    def open(self) -> None:
        """From now on; call it once what the keys answer has been painted."""
        if self._open_since is None:
            self._open_since = monotonic()

    def seen(self, key: str, time: float) -> None:
        """The last key before there was anybody to show keys to: it may be held down still."""
        self._last = (key, time)

    @property
    def is_open(self) -> bool:
        return self._open_since is not None

    def lets_through(self, event: events.Key) -> bool:
        last, self._last = self._last, (event.key, event.time)
        held = last[0] == event.key and event.time - last[1] < REPEAT_SECONDS
        return self._open_since is not None and event.time >= self._open_since and not held


def last_key_of(app: App[object]) -> tuple[str, float]:
    """The last key that the app was sent, and when, if it keeps that."""
    last: tuple[str, float] = getattr(app, "last_key", ("", 0.0))
    return last
