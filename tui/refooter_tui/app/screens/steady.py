"""A screen that two things which Textual (8.2.8) does to it at bad moments do not upset."""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.screen import Screen

Answer = TypeVar("Answer")


class Steady(Screen[Answer]):
    """Textual lays a screen out for every `Resize` that comes, and sends it another one of that size afterwards: two that are under way at
    a time, as when a window is dragged, would follow each other for ever. And where the app ends while a screen is being opened, that
    screen is mounted without all that belongs in it."""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize) and event.size != self.app.size:
            return
        if isinstance(event, events.Mount | events.Resize) and self.app.return_value is not None:
            return
        await super().on_event(event)
