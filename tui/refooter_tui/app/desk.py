"""The app's panes and what they show: filter, order, counts, the highlighted entry. It asks the engine for nothing but looks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from refooter.events import Severity
from refooter.jobs.lake import Session
from refooter.values import Cause, TargetName
from refooter_tui.app.detail import DetailPane
from refooter_tui.app.engine import Engine
from refooter_tui.app.lake_view import LakeView
from refooter_tui.app.messages import (
    EngineMessage,
    LakeInfo,
    Runs,
)
from refooter_tui.app.news import EngineNews
from refooter_tui.app.runbar import RunBar
from refooter_tui.app.state import Looks, load_looks
from refooter_tui.app.widgets.asking import FilterAsked
from refooter_tui.app.widgets.chips import FilterLine
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.header import HeaderBar, HeaderFacts, Link
from refooter_tui.app.widgets.left import LeftPane
from refooter_tui.app.widgets.log import LogRecord, LogView
from refooter_tui.app.widgets.timeline import TimelineBar
from refooter_tui.cli.render import entries
from refooter_tui.model.codes import code_of
from refooter_tui.model.filter import parse
from refooter_tui.model.order import Snapshot, Sort
from refooter_tui.model.path_search import Abandoned
from refooter_tui.model.summary import by_error, by_view
from refooter_tui.text import visible

_log = logging.getLogger("refooter_tui.app")
# Below this width the left pane is a drawer, and the detail a screen of its own.
WIDE: Final = 120
_SMALLEST: Final = (60, 15)


class Desk(App[int]):
    """Everything that is on the screen. What is done with it is the app's."""

    TITLE = "refooter"
    CSS_PATH = "app.tcss"

    def __init__(
        self,
        session: Session,
        directory: Path,
        log_file: Path | None = None,
        *,
        label: str = "",
    ) -> None:
        super().__init__()
        self.engine = Engine(session, self._deliver)
        self.directory, self.log_file = directory, log_file
        self.label = label
        self.lake = LakeView()
        self.info: LakeInfo | None = None
        self.looks: Looks = load_looks(directory)
        self.read_only = session.settings.read_only
        self.run_bar = RunBar(id="run")
        self._entries = EntriesTable(id="entries")
        self._left = LeftPane(id="left")
        self._filter = FilterLine(id="filter")
        self._timeline = TimelineBar(id="timeline")
        self._detail = DetailPane(id="detail")
        self._log_view = LogView(id="log")
        self._header = HeaderBar()
        self._top = Static("", id="top", markup=False)
        self._runs: Runs = Runs()
        self._detail_request = -1
        self._dirty = True
        self.last_key: tuple[str, float] = ("", 0.0)
        self._settled = False

    def _deliver(self, said: EngineMessage) -> None:
        """Called in the engine's thread."""
        self.post_message(EngineNews(said))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self.last_key = (event.key, event.time)
        await super().on_event(event)

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._top
        with Horizontal(id="middle"):
            yield self._left
            with Vertical(id="centre"):
                yield self._filter
                yield self._entries
                yield self._timeline
            yield self._detail
        yield self.run_bar
        yield self._log_view
        yield Footer(show_command_palette=False)
        yield Static("refooter needs 60 columns and 15 lines: make the window larger", id="small")

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size.width, event.size.height)

    def _fit(self, width: int, height: int) -> None:
        self.set_class(width < _SMALLEST[0] or height < _SMALLEST[1], "-small")
        self.set_class(width < WIDE, "-narrow")
        self.set_class(height < 30, "-low")

    @property
    def target(self) -> TargetName | None:
        return None if self.info is None else self.info.target

    @property
    def database_name(self) -> str:
        """What a large run asks to be typed: the profile's label, or the database's name."""
        return self.label or ("" if self.info is None else self.info.database.rpartition("/")[2])

    def _facts(self, link: Link) -> HeaderFacts:
        info = self.info
        if info is None:
            return HeaderFacts(label=self.label, read_only=self.read_only, link=link)
        return HeaderFacts(
            label=self.label,
            lake=info.store or "no store named",
            database=info.database,
            target=str(info.target),
            read_only=info.read_only,
            link=link,
        )

    def _scan_in_sight(self) -> None:
        if not self._settled or self.lake.small:
            return
        paths = self.lake.unjudged(self._entries.rows_on_screen)
        if paths:
            self.engine.scan(paths)

    def _refresh_marks(self) -> None:
        if self.lake.refresh():
            self._entries.marks_changed()
        self._filter.show_counts(self.lake.counts())

    def _tick(self) -> None:
        """A few times a second at most: what costs more than a row."""
        if not self._dirty:
            return
        self._dirty = False
        lake = self.lake
        summary = lake.summary()
        self._top.update(Text(visible(summary.sentence()), no_wrap=True, overflow="ellipsis"))
        self._left.views.show(lake.table.views, by_view(lake.table))
        self._left.causes.show(summary.causes, self._messages_of)
        self._timeline.data_changed()
        self._filter.show_counts(lake.counts())

    def _messages_of(self, cause: Cause) -> list[tuple[str, int]]:
        table = self.lake.table
        return [(table.errors[index], count) for index, count in by_error(table, code_of(cause)) if index >= 0]

    def log_line(self, text: str, severity: Severity = Severity.INFO, path: str | None = None) -> None:
        """A line for the log on the screen, and for the file."""
        record = LogRecord(datetime.now(UTC), severity, text, path)
        self._log_view.write([record])
        _log.log({Severity.INFO: 20, Severity.WARNING: 30, Severity.ERROR: 40}[severity], "%s", visible(text))

    def _apply(self) -> None:
        """Filter and order as they are wanted now; in a thread where that takes longer than a frame."""
        if self.lake.small:
            self._show_snapshot(self.lake.take())
        else:
            self.lake.working = True
            self._filter.show_counts(self.lake.counts())
            self._take()

    @work(thread=True, exclusive=True, group="take")
    def _take(self) -> None:
        worker = get_current_worker()
        try:
            snapshot = self.lake.take(lambda: worker.is_cancelled)
        except Abandoned:
            return
        if not worker.is_cancelled:
            self.call_from_thread(self._show_snapshot, snapshot)

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        self.lake.working = False
        self.lake.snapshot = snapshot
        self.lake.refresh()
        self._entries.show(self.lake.table, snapshot, self.lake.selection)
        self._filter.show_counts(self.lake.counts())
        self._scan_in_sight()

    def filter_by(self, text: str, *, plus: bool = False) -> None:
        """Another filter, or one more term of it."""
        wanted = self.lake.filter.plus(text, replacing=_keys(text)) if plus else parse(text)
        self.lake.filter = wanted
        self._filter.show(wanted)
        self._apply()
        self._entries.focus()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        self.lake.filter = event.filter
        self._apply()

    def on_filter_line_done(self, event: FilterLine.Done) -> None:
        self._entries.focus()

    def on_filter_asked(self, event: FilterAsked) -> None:
        self.filter_by(event.term, plus=True)

    def on_timeline_bar_range_chosen(self, event: TimelineBar.RangeChosen) -> None:
        wanted = self.lake.filter.plus(event.range.terms(), replacing=("since", "until", "time"))
        self.filter_by(str(wanted))

    def on_entries_table_sort_asked(self, event: EntriesTable.SortAsked) -> None:
        self.lake.sort = Sort(event.column, event.reverse)
        self._show_sort()
        self._apply()

    def _show_sort(self) -> None:
        self._entries.sorted_by = self.lake.sort.column or ""
        self._entries.sorted_reverse = self.lake.sort.reverse

    def on_entries_table_selection_changed(self) -> None:
        self._filter.show_counts(self.lake.counts())

    def on_entries_table_nothing_broken(self, event: EntriesTable.NothingBroken) -> None:
        rest = f", but {entries(event.unknown)} not scanned" if event.unknown else ""
        self.notify(f"nothing broken among those shown{rest}")

    def on_entries_table_highlighted(self, event: EntriesTable.Highlighted) -> None:
        self._ask_detail()
        self._scan_in_sight()

    def _ask_detail(self) -> None:
        row = self._entries.row
        if row is None:
            self._detail.say("no entry is highlighted")
        elif self.info is not None and not self.has_class("-narrow"):
            self._detail_request = self.engine.detail(self.lake.table.path(row))


def _keys(text: str) -> tuple[str, ...]:
    """The keys of the terms in a piece of a filter: a new `view:` takes the place of the old one."""
    return tuple(dict.fromkeys(part.partition(":")[0] for part in text.split() if ":" in part))
