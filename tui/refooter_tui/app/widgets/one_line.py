"""A line to type in that shows what acts on a terminal instead of sending it there.

Keys come faster than they are heard of: of several in one read, Textual (8.2) hands each to whoever has the focus at that moment,
and only later, once the first has bubbled up to the app, does that one move the focus. So what is typed right behind the `enter` of
a line would be typed into the line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widgets import Input

from refooter_tui.app.widgets.palette import Palette
from refooter_tui.text import visible

_BOX = "□"
# Bounds how long a pane that is in trouble could keep the keys of all others waiting.
_PATIENCE_SECONDS = 1.0


class ShownInput(Input):
    """An `Input` that shows no character raw which acts on a terminal, however it was pasted. What is typed behind `enter`, before
    that was heard of, is not part of the text, nor for anybody else."""

    def __init__(
        self, value: str | None = None, placeholder: str = "", *, compact: bool = False, id: str | None = None
    ) -> None:
        super().__init__(value, placeholder, compact=compact, select_on_focus=False, id=id)
        self.highlighter = _Shown(self)
        self.cursor_blink = False
        self._entered = False

    def wrong_spans(self, typed: str) -> Iterable[tuple[int, int]]:
        """What of the text is to be underlined."""
        return ()

    async def _on_key(self, event: events.Key) -> None:
        edits = self._edit_of(event.key)
        if event.key == "enter":
            self._entered = True
        elif self._entered and (edits or event.is_printable):
            event.stop()
            event.prevent_default()
        elif edits and await self.app.run_action(edits, self):
            # in its turn: by way of the app it would come after what was typed behind it
            event.stop()
            event.prevent_default()

    def _edit_of(self, key: str) -> str:
        """What of Textual's own actions a key does to the text, if any."""
        found = (binding for binding in self._bindings.key_to_bindings.get(key, ()) if binding.id is None)
        return next((binding.action for binding in found if binding.action != "submit"), "")

    async def action_submit(self) -> None:
        await super().action_submit()
        self.call_later(self._reopen)

    def _reopen(self) -> None:
        self._entered = False


class OneLine(ShownInput):
    """An `Input` without a border. `escape` leaves it (`Left`), and what was typed stays.

    Both ways out are gone before the next key is handed to anybody: that one is for whoever has the focus then, if whoever hears of
    `Submitted` or `Left`, which has to be the widget around this one, sets the focus itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "done", "Done", show=False, id="line.done", priority=True),
        Binding("escape", "leave", "Back", id="line.leave", priority=True),
    ]

    class Left(Message):
        """`escape`: back to where one came from."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True)

    async def action_done(self) -> None:
        await _caught_up(self)
        await self.action_submit()
        await self._told()

    async def action_leave(self) -> None:
        await _caught_up(self)
        self.post_message(self.Left())
        await self._told()

    async def _told(self) -> None:
        """Until it has been heard what was typed and how it ended, and what follows from that is on its way to the app, ahead of
        whatever the next key begins."""
        around = self._parent
        for pump in (self, around, around):
            if pump is not None:
                await _caught_up(pump)


async def _caught_up(pump: MessagePump) -> None:
    """Until all has been heard that was sent to it so far. To be waited for in the app's own task."""
    heard = asyncio.Event()
    if asyncio.current_task() is not pump.task and pump.call_later(heard.set):
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await heard.wait()


class _Shown(Highlighter):
    """The text as it is shown: a box for every character that must not reach a terminal, so that all keep their places."""

    def __init__(self, widget: ShownInput) -> None:
        self._widget = widget

    def __call__(self, text: str | Text) -> Text:
        # of the value itself, since rich has already taken some control characters out of `text`
        typed = self._widget.value
        shown = "".join(character if visible(character) == character else _BOX for character in typed)
        made = Text(shown, no_wrap=True, overflow="ignore", end="")
        self.highlight(made)
        return made

    def highlight(self, text: Text) -> None:
        for start, end in self._widget.wrong_spans(self._widget.value):
            text.stylize(Palette.of(self._widget).warning + Style(underline=True), start, end)
