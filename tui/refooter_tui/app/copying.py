"""The menu of what can be copied of the highlighted entry: a line each, its key in front."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from refooter_tui.app.clipboard import copy
from refooter_tui.app.copies import Copies, Copy, copies_of
from refooter_tui.app.messages import Detail
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.widgets.cells import fit, fit_middle
from refooter_tui.app.widgets.options import Options
from refooter_tui.text import visible

__all__ = ["Copies", "CopyMenu", "copies_of"]


class CopyMenu(Dialog[None]):
    """What is not there says why when it is asked for. `directory` is where copied texts are saved.

    Where the entry is still to be decoded, whoever opened the menu hands over the engine's answer (`answered`).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,q", "leave", "close", show=False, id="copy.leave"),
    ]
    DEFAULT_CSS = """
    CopyMenu #copies { height: auto; border: none; padding: 0; background: $surface; }
    CopyMenu #copies:focus { border: none; background-tint: $foreground 0%; }
    CopyMenu #copies > .option-list--option { padding: 0 1; }
    """

    def __init__(self, copies: Copies, directory: Path) -> None:
        super().__init__("Copy", "[b]its key[/b], [b]enter[/b] or a click copies   [b]esc[/b] close")
        self._copies, self._directory = copies, directory
        self._items = copies.items(copies.found)

    @property
    def path(self) -> str:
        """The entry that it is about."""
        return self._copies.path

    def compose_body(self) -> ComposeResult:
        yield Options(*self._options(), id="copies")

    def on_mount(self) -> None:
        self.query_one("#copies", OptionList).focus()

    def answered(self, said: Detail) -> None:
        """The entry decoded, or why it is not; nothing of another entry."""
        if said.path != self.path:
            return
        self._items = self._copies.items(said.inspection, said.error or "there is no such entry any more")
        # There is no list yet where the answer is quicker than the screen; then it begins with these.
        for listed in self.query("#copies").results(OptionList):
            at = listed.highlighted
            listed.clear_options()
            listed.add_options(self._options())
            listed.highlighted = at

    def on_key(self, event: events.Key) -> None:
        item = next((item for item in self._items if item.key == event.key), None)
        if item is not None:
            event.stop()
            event.prevent_default()
            self._take(item)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(self._items[event.option_index])

    def _take(self, item: Copy) -> None:
        if item.text is None:
            self.notify(visible(item.why), title=item.name, severity="warning", markup=False)
            return
        copy(self.app, item.name, item.text, self._directory)
        self.dismiss(None)

    def _options(self) -> list[Option]:
        wide = max(len(item.name) for item in self._items)
        return [Option(_Line(item, wide), id=item.key) for item in self._items]


class _Line:
    """Key, name, as much of the text as there is room for, and how much of it there is."""

    def __init__(self, item: Copy, wide: int) -> None:
        self._item, self._wide = item, wide

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        item = self._item
        there = item.text is not None
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{item.key}  ", "bold" if there else "dim")
        line.append(f"{item.name:<{self._wide}}  ", "" if there else "dim")
        said = visible(item.preview if there else item.why)
        size = f"  {item.size}" if item.size else ""
        room = options.max_width - line.cell_len - cell_len(size)
        line.append(fit_middle(said, room) if item.path_like else fit(said, room), "" if there else "dim")
        line.append(size, "dim")
        yield line
