"""A line to type in that shows what acts on a terminal instead of sending it there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from refooter_tui.app.widgets.palette import Palette
from refooter_tui.text import visible

_BOX = "□"


class ShownInput(Input):
    """An `Input` that shows no character raw which acts on a terminal, however it was pasted."""

    def __init__(
        self, value: str | None = None, placeholder: str = "", *, compact: bool = False, id: str | None = None
    ) -> None:
        super().__init__(value, placeholder, compact=compact, select_on_focus=False, id=id)
        self.highlighter = _Shown(self)
        self.cursor_blink = False

    def wrong_spans(self, typed: str) -> Iterable[tuple[int, int]]:
        """What of the text is to be underlined."""
        return ()


class OneLine(ShownInput):
    """An `Input` without a border. `escape` leaves it (`Left`), and what was typed stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="line.leave"),
    ]

    class Left(Message):
        """`escape`: back to where one came from."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True)

    def action_leave(self) -> None:
        self.post_message(self.Left())


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
