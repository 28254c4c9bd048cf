"""All keys, by the pane that has them, as they are now; made from the bindings themselves, so that it cannot be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.markup import escape
from textual.widgets import Static

from refooter_tui.app.keymap import all_bindings, key_for, keymap_of, spelled
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.cli.profile import config_file
from refooter_tui.text import visible

# In the order in which they are shown: the part of an id before its first dot, and where that leads. Others come last.
_PANES: Final = {
    "": "Everywhere",
    "pane": "Everywhere",
    "tab": "Everywhere",
    "move": "In every list",
    "entries": "Entries",
    "left": "Left pane",
    "views": "Left pane",
    "tree": "Left pane",
    "runs": "Runs",
    "chips": "Filter",
    "line": "Filter",
    "timeline": "Timeline",
    "detail": "Detail",
    "entry": "Entry, whole screen",
    "log": "Log",
    "divider": "Between panes",
    "plan": "Plan",
    "result": "Result",
    "export": "Export",
    "columns": "Columns",
    "copy": "Copy",
    "question": "Question",
    "dialog": "Every dialog",
    "reading": "Something to read",
    "help": "This help",
}
_LIST: Final = ("open",)
_GAP: Final = 3
_FEW: Final = 5  # keys of one binding that are all shown

Row = tuple[str, str, str]
"""Keys, what they do, and the binding's id."""


class HelpScreen(Dialog[None]):
    """Shows in how many columns fit. `i` shows the ids that the configuration file's `[keys]` knows the keys by."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "leave", "Close", id="help.close"),
        Binding("i", "ids", "With their names", id="help.ids"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="move.down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="move.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="move.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="move.page_up"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="move.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="move.half_up"),
        Binding("g,home", "first", "First", show=False, id="move.first"),
        Binding("G,end", "last", "Last", show=False, id="move.last"),
    ]
    DEFAULT_CSS = """
    HelpScreen > #box { width: 96%; max-width: 200; height: 96%; max-height: 96%; }
    HelpScreen #body { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__("Keys", "")
        self._with_ids = False

    def compose_body(self) -> ComposeResult:
        self._say_keys()
        yield Static(id="all")

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._lay_out)

    def _say_keys(self) -> None:
        names = escape(key_for(self.app, "help.ids"))
        file = escape(visible(str(config_file())))
        self.keys(
            f"[b]{escape(key_for(self.app, 'dialog.leave'))}[/b] close"
            f"   [b]{names}[/b] {'without' if self._with_ids else 'with'} the names for \\[keys] in {file}"
        )

    def _lay_out(self) -> None:
        blocks = [self._block(title, rows) for title, rows in self._groups().items()]
        wide = max((line.cell_len for block in blocks for line in block), default=1)
        columns = _columns(blocks, max(1, (self._body.scrollable_content_region.width + _GAP) // (wide + _GAP)))
        table = Table.grid(padding=(0, _GAP, 0, 0))
        for _ in columns:
            table.add_column(no_wrap=len(columns) > 1)
        for line in zip_longest(*columns, fillvalue=Text()):
            table.add_row(*line)
        self.query_one("#all", Static).update(table)

    def _block(self, title: str, rows: Sequence[Row]) -> list[Text]:
        keys_wide = max(cell_len(keys) for keys, _, _ in rows)
        does_wide = max(cell_len(does) for _, does, _ in rows)
        lines = [Text(title, "bold")]
        for keys, does, name in rows:
            line = Text.assemble("  ", (keys, "cyan"), " " * (keys_wide - cell_len(keys) + 2), does)
            if self._with_ids:
                line.append(" " * (does_wide - cell_len(does) + 2) + name, "dim")
            lines.append(line)
        return lines

    def _groups(self) -> dict[str, list[Row]]:
        """By the pane's title, in the order of `_PANES`."""
        found: dict[str, list[Row]] = {}
        prefixes = list(_PANES)
        bindings = [(_prefix(name), name, binding) for name, binding in all_bindings().items() if binding.description]
        bindings.sort(key=lambda one: prefixes.index(one[0]) if one[0] in _PANES else len(prefixes))
        for prefix, name, binding in bindings:
            rows = found.setdefault(_PANES.get(prefix, prefix.capitalize()), [])
            rows.append((self._spelled(name, binding), _sentence(visible(binding.description)), name))
        return found

    def _spelled(self, name: str, binding: Binding) -> str:
        keys = keymap_of(self.app).get(name)
        if keys is None and binding.key_display:
            return binding.key_display
        return " ".join(spelled(self.app, key) for key in (keys or binding.key).split(",")[:_FEW])

    @property
    def _body(self) -> VerticalScroll:
        return self.query_one("#body", VerticalScroll)

    def action_ids(self) -> None:
        self._with_ids = not self._with_ids
        self._say_keys()
        self._lay_out()

    def action_scroll(self, by: int) -> None:
        self._body.scroll_relative(y=by, animate=False)

    def action_page(self, by: float) -> None:
        self._body.scroll_relative(y=int(by * self._body.scrollable_content_region.height), animate=False)

    def action_first(self) -> None:
        self._body.scroll_home(animate=False)

    def action_last(self) -> None:
        self._body.scroll_end(animate=False)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _prefix(name: str) -> str:
    return "move" if name in _LIST else name.partition(".")[0] if "." in name else ""


def _columns(blocks: Sequence[Sequence[Text]], most: int) -> list[list[Text]]:
    """The blocks, whole and in their order, in at most so many columns, as low as that goes; a line between two of one column."""
    lowest = max((len(block) for block in blocks), default=0)
    for height in range(lowest, sum(len(block) + 1 for block in blocks) + 1):
        columns = _filled(blocks, height)
        if len(columns) <= most:
            return columns
    return _filled(blocks, 1 << 30)


def _filled(blocks: Iterable[Sequence[Text]], height: int) -> list[list[Text]]:
    columns: list[list[Text]] = [[]]
    for block in blocks:
        column = columns[-1]
        if column and len(column) + 1 + len(block) > height:
            column = []
            columns.append(column)
        column += [*([Text()] if column else []), *block]
    return columns
