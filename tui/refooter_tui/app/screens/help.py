"""All keys, by the pane that has them; made from the bindings themselves, so that it cannot be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from refooter_tui.app.screens.dialog import Dialog

Keys = tuple[str, Iterable[Binding]]

_NAMES = {
    "slash": "/", "equals_sign": "=", "question_mark": "?", "colon": ":", "left_square_bracket": "[", "right_square_bracket": "]",
    "plus": "+", "minus": "-", "space": "space", "pagedown": "PgDn", "pageup": "PgUp",
}  # fmt: skip


class HelpScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("question_mark,q", "leave", "close")]

    def __init__(self, groups: Iterable[Keys]) -> None:
        super().__init__("Keys", "[b]esc[/b] close   in every list: arrows, j k, g G, ctrl+d ctrl+u, page keys")
        self._keys_by_pane = list(groups)

    def compose_body(self) -> ComposeResult:
        table = Table.grid(padding=(0, 2))
        for title, bindings in self._keys_by_pane:
            table.add_row(Text(title, style="bold"), "")
            for binding in bindings:
                if binding.description:
                    table.add_row(Text(f"  {_spelled(binding)}", style="cyan"), binding.description)
        yield Static(table)


def _spelled(binding: Binding) -> str:
    if binding.key_display:
        return binding.key_display
    return " ".join(_NAMES.get(key, key) for key in binding.key.split(","))
