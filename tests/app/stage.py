"""A stage for widgets: an app of nothing but them, and what it heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

Heard = TypeVar("Heard", bound=Message)


class Stage(App[None]):
    """Shows the widgets given to it, one below the other, and keeps every message that reaches the app."""

    AUTO_FOCUS = None
    CSS = "Screen > * { height: 1fr; }"

    def __init__(self, *widgets: Widget, css: str = "") -> None:
        super().__init__()
        self._widgets = widgets
        self.heard: list[Message] = []
        self.CSS = f"{Stage.CSS} {css}"

    def compose(self) -> ComposeResult:
        yield from self._widgets

    async def _on_message(self, message: Message) -> None:
        self.heard.append(message)
        await super()._on_message(message)

    def said(self, kind: type[Heard]) -> list[Heard]:
        """The messages of one kind, in their order."""
        return [message for message in self.heard if isinstance(message, kind)]


def lines(widget: Widget) -> list[str]:
    """What a widget of lines shows, as plain text."""
    return [widget.render_line(y).text for y in range(widget.size.height)]


def styles_at(strip: Strip, text: str) -> list[str]:
    """The foreground colours of the segments that hold `text`."""
    return [
        segment.style.color.name
        for segment in strip
        if text in segment.text and segment.style is not None and segment.style.color is not None
    ]


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Lets the app work until something holds."""
    for _ in range(200):
        if condition():
            return
        await pilot.pause()
    raise AssertionError("it never came to hold")
