"""Which columns the entries have."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.widgets.cells import fit
from refooter_tui.app.widgets.columns import ALWAYS, COLUMNS, USUAL_COLUMNS
from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.palette import Palette

_MEANS = {
    "status": "as the target parser and our own diagnosis judge it",
    "cause": "what is wrong, the worst of it",
    "path": "relative to the lake's root",
    "insert_time": "when the entry was written",
    "num_rows": "by the catalog",
    "file_size": "of the file, by the catalog",
    "blob_size": "of the value itself",
    "version": "partition_format_version",
    "file_state": "whether the file is there, as far as that was looked at",
    "outcome": "what the last run made of it",
    "view": "view set and instance",
    "layout": "how the value is built",
    "causes": "what else is wrong",
    "last_run": "the last run that had it in hand",
    "error": "what the target parser says",
}


class ColumnList(LinePane):
    """A line a column."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "show or hide", id="columns.toggle"),
    ]

    def __init__(self, wanted: Collection[str]) -> None:
        super().__init__(id="columns")
        self.wanted = set(wanted) | set(ALWAYS)

    @property
    def line_count(self) -> int:
        return len(COLUMNS)

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        column = COLUMNS[line]
        always = column.name in ALWAYS
        mark = "●" if always else "✓" if column.name in self.wanted else " "
        return [
            Segment(f"{'▌' if cursor else ' '}[{mark}] ", palette.accent),
            Segment(f"{column.title:<16}", palette.strong if column.name in self.wanted else palette.muted),
            Segment(fit("always there" if always else _MEANS[column.name], max(1, width - 21)), palette.muted),
        ]

    def action_turn(self) -> None:
        name = COLUMNS[self.cursor].name
        if name in ALWAYS:
            self.app.bell()
            return
        self.wanted ^= {name}
        self.refresh()

    def usual(self) -> None:
        self.wanted = set(USUAL_COLUMNS)
        self.refresh()

    def opened(self) -> None:
        self.action_turn()

    def line_clicked(self, line: int, x: int, event: events.Click) -> None:
        super().line_clicked(line, x, event)
        if event.chain == 1:
            self.action_turn()


class ColumnsScreen(Dialog[tuple[str, ...] | None]):
    """Answers with the columns that are wanted, in the table's order; `None` for leaving it all as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "take them", id="columns.take", priority=True),
        Binding("d", "usual", "the usual ones", id="columns.usual"),
    ]
    DEFAULT_CSS = """
    ColumnsScreen > #box { max-width: 84; }
    ColumnsScreen #columns { height: auto; max-height: 100%; }
    """

    def __init__(self, wanted: Collection[str]) -> None:
        super().__init__("Columns", "")
        self._list = ColumnList(wanted)

    def compose_body(self) -> ComposeResult:
        said = [("columns.toggle", "show or hide"), ("columns.usual", "the usual ones"), ("columns.take", "take them")]
        self.keys("   ".join([*(self.key(name, does) for name, does in said), self.key("dialog.leave", "as before")]))
        yield self._list

    def on_mount(self) -> None:
        self._list.styles.height = self._list.line_count
        self._list.lines_changed()
        self._list.focus()

    def action_take(self) -> None:
        self.dismiss(tuple(column.name for column in COLUMNS if column.name in self._list.wanted))

    def action_usual(self) -> None:
        self._list.usual()
