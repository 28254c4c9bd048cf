"""The highlighted entry, decoded: a tab for each way to look at it. Painted by what the command line prints, one tab at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.console import Console
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import ContentSwitcher, Tree
from textual.widgets.tree import TreeNode

from refooter.catalog.history import HistoryRecord
from refooter.jobs.inspect import Inspection
from refooter.parquet.footer import Footer
from refooter.parquet.tree import Node
from refooter_tui.app.history import show_history
from refooter_tui.app.report import Report
from refooter_tui.app.widgets.page import PageView
from refooter_tui.app.widgets.tab_names import TabNames
from refooter_tui.cli import inspection as words
from refooter_tui.cli.column_view import show_columns, show_pages
from refooter_tui.cli.hex_view import HexView
from refooter_tui.cli.render import gap, say
from refooter_tui.cli.side_by_side import show_after
from refooter_tui.text import visible

TABS: Final = (
    ("summary", "Summary"),
    ("footer", "Footer"),
    ("schema", "Schema"),
    ("groups", "Row groups"),
    ("columns", "Columns"),
    ("pages", "Page index"),
    ("pairs", "Key-value"),
    ("hex", "Hex"),
    ("after", "Before / after"),
    ("history", "History"),
)
_MOST_CHILDREN: Final = 500


class DetailPane(Vertical):
    """`show` an inspection, and what the journal knows of the entry; or `say` why there is none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "turn(-1)", "previous tab", show=False, id="tab.previous"),
        Binding("right_square_bracket", "turn(1)", "next tab", show=False, id="tab.next"),
    ]
    DEFAULT_CSS = """
    DetailPane {
        background: $surface;
        & > ContentSwitcher { height: 1fr; }
        & Tree { padding: 0 1; background: $surface; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    }
    """

    tab: reactive[str] = reactive("summary", init=False)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._found: Inspection | None = None
        self._said = "no entry is highlighted"
        self._history: Sequence[HistoryRecord] | None = None
        self._history_said = self._said
        self._stale = {name for name, _ in TABS}

    def compose(self) -> ComposeResult:
        yield TabNames(TABS)
        with ContentSwitcher(initial="page-summary"):
            for name, _ in TABS:
                if name == "footer":
                    yield Tree[Node | None]("footer", id="page-footer")
                else:
                    yield PageView(id=f"page-{name}")

    @property
    def found(self) -> Inspection | None:
        """What is shown, `None` while there is nothing."""
        return self._found

    @property
    def made(self) -> bool:
        """Whether the tab that is seen shows it already: a report is printed in a thread."""
        return all(page.made for page in self.query(PageView) if page.id == f"page-{self.tab}")

    def show(
        self, found: Inspection, history: Sequence[HistoryRecord] | None = None, history_error: str | None = None
    ) -> None:
        """All tabs, of which only the one that is seen is painted now. `history` of nothing says that no run changed the entry;
        `None`, or a `history_error`, that this is not known."""
        self._found = found
        self._history = history if history_error is None else None
        self._history_said = history_error or "the journal was not asked what runs did to this entry"
        self._repaint()

    def say(self, sentence: str) -> None:
        """A sentence in place of an entry: it is being read, it cannot be, there is none."""
        self._found, self._said = None, sentence
        self._history, self._history_said = None, sentence
        self._repaint()

    def _repaint(self) -> None:
        self._stale = {name for name, _ in TABS}
        self._paint()

    def watch_tab(self, tab: str) -> None:
        had_focus = self.has_focus_within
        self.query_one(ContentSwitcher).current = f"page-{tab}"
        self.query_one(TabNames).tab = tab
        if had_focus:
            self.query_one(f"#page-{tab}").focus()
        self._paint()

    def on_tab_names_asked(self, event: TabNames.Asked) -> None:
        event.stop()
        self.tab = event.tab

    def action_turn(self, by: int) -> None:
        names = [name for name, _ in TABS]
        self.tab = names[(names.index(self.tab) + by) % len(names)]

    def focus_page(self) -> None:
        """The page that is seen gets the focus."""
        self.query_one(f"#page-{self.tab}").focus()

    def _paint(self) -> None:
        if not self.query("PageView") or self.tab not in self._stale:
            # not there yet, or not any more
            return
        self._stale.discard(self.tab)
        if self.tab == "footer":
            self._plant()
            return
        page = self.query_one(f"#page-{self.tab}", PageView)
        if self.tab == "history":
            page.show(self._told_of_runs())
        elif self._found is None:
            page.show(Text(visible(self._said), style="dim"))
        else:
            page.show(Report(_PAINTERS[self.tab](self._found)))

    def _told_of_runs(self) -> Report | Text:
        history = self._history
        if history is None:
            return Text(visible(self._history_said), style="dim")
        return Report(lambda console: show_history(console, history))

    def _plant(self) -> None:
        """The tree's first level; the others when they are opened."""
        tree: Tree[Node | None] = self.query_one("#page-footer", Tree)
        footer = None if self._found is None else self._found.footer
        if footer is None:
            said = self._said if self._found is None else "no part of the value can be read as a footer"
            tree.reset(Text(visible(said)), None)
            return
        tree.reset(_label(footer.root), footer.root)
        self._grow(tree.root)
        tree.root.expand()

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Node | None]) -> None:
        event.stop()
        self._grow(event.node)

    def _grow(self, branch: TreeNode[Node | None]) -> None:
        node = branch.data
        if node is None or branch.children:
            return
        for child in node.some_children(0, _MOST_CHILDREN):
            if child.child_count:
                branch.add(_label(child), child)
            else:
                branch.add_leaf(_label(child), child)
        if node.child_count > _MOST_CHILDREN:
            branch.add_leaf(Text(f"... {node.child_count - _MOST_CHILDREN:,} more", style="dim"), None)


def _label(node: Node) -> Text:
    said = Text(visible(node.name), style="bold")
    said.append(f" {visible(node.text)}", style="not bold")
    said.append(f"  {node.start}-{node.end - 1}", style="dim not bold")
    return said


def _of_footer(show: Callable[[Console, Footer], None]) -> Callable[[Inspection], Callable[[Console], None]]:
    def painter(found: Inspection) -> Callable[[Console], None]:
        def paint(console: Console) -> None:
            if found.footer is None:
                console.print("No part of the value can be read as a footer.", style="dim")
            else:
                show(console, found.footer)

        return paint

    return painter


def _with_advice(show: Callable[[Console, Inspection], None]) -> Callable[[Inspection], Callable[[Console], None]]:
    """What would take the value's place ends both of these; where the file was not asked, with how to ask it."""

    def painter(found: Inspection) -> Callable[[Console], None]:
        def paint(console: Console) -> None:
            show(console, found)
            if found.after is not None and found.after.replacement.outcome is None:
                gap(console)
                say(console, "Enter on the entry reads its file, and then says so.", "dim")

        return paint

    return painter


def _show_summary(console: Console, found: Inspection) -> None:
    words.show_verdict(console, found)
    words.show_summary(console, found, whole=False)


_PAINTERS: Final[dict[str, Callable[[Inspection], Callable[[Console], None]]]] = {
    "summary": _with_advice(_show_summary),
    "schema": _of_footer(lambda console, footer: words.show_schema(console, footer, whole=True)),
    "groups": _of_footer(words.show_row_groups),
    "columns": _of_footer(lambda console, footer: show_columns(console, footer, whole=True)),
    "pages": lambda found: lambda console: show_pages(console, found, whole=False),
    "pairs": _of_footer(words.show_key_values),
    "hex": lambda found: lambda console: HexView.of(found, None, whole=False).show(console),
    "after": _with_advice(lambda console, found: show_after(console, found, whole=True)),
}
