"""A list of options that is left alone while its options change: Textual's own takes clicks and keys for those that are gone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from textual import events
from textual.widgets import OptionList


class Options(OptionList):
    def on_click(self, event: events.Click) -> None:
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked >= self.option_count:
            event.prevent_default()

    def action_page_up(self) -> None:
        self._page(super().action_page_up)

    def action_page_down(self) -> None:
        self._page(super().action_page_down)

    def _page(self, turn: Callable[[], None]) -> None:
        # before it is painted it does not know its lines
        with suppress(KeyError, IndexError):
            turn()
