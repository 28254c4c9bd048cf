"""What the panes show of the lake: filter, order, counts, the highlighted entry, and why there is nothing to be seen.

It asks the engine for nothing but looks. Its `on_engine_news` comes after the app's own: Textual calls the handlers of a class
and then those of its bases.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from rich.cells import cell_len
from rich.text import Text
from textual import events, work
from textual.await_complete import AwaitComplete
from textual.errors import NoWidget
from textual.worker import get_current_worker

from refooter.events import Severity
from refooter.jobs.lake import Session
from refooter.values import Cause, TargetName
from refooter_tui.app.engine import Engine
from refooter_tui.app.frame import Frame
from refooter_tui.app.keymap import named
from refooter_tui.app.lake_view import LakeView, Tallies
from refooter_tui.app.looking import Looking
from refooter_tui.app.messages import (
    Back,
    Connected,
    Detail,
    EngineMessage,
    JobDone,
    JobEvents,
    JobKind,
    LakeInfo,
    Listed,
    Lost,
    StoreBack,
    StoreLost,
)
from refooter_tui.app.news import EngineNews
from refooter_tui.app.sight import Sight
from refooter_tui.app.state import Looks
from refooter_tui.app.state_words import Situation, causes_words, detail_words, table_words
from refooter_tui.app.widgets.asking import FilterAsked
from refooter_tui.app.widgets.chips import FilterLine
from refooter_tui.app.widgets.counts import CountLine
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.header import HeaderFacts, Link
from refooter_tui.app.widgets.log import LogRecord
from refooter_tui.app.widgets.timeline import TimelineBar
from refooter_tui.cli.render import entries
from refooter_tui.model.codes import code_of
from refooter_tui.model.filter import parse
from refooter_tui.model.order import Snapshot, Sort
from refooter_tui.model.path_search import Abandoned
from refooter_tui.model.summary import by_error
from refooter_tui.text import visible

_log = logging.getLogger("refooter_tui.app")
_LEVELS: Final = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}
# Counting a million insert times again takes some 30 ms.
_TIMELINE_SECONDS: Final = 1.0


class Desk(Frame):
    """The panes with the lake in them. What is done with it is the app's."""

    def __init__(
        self,
        session: Session,
        directory: Path,
        log_file: Path | None = None,
        *,
        label: str = "",
        colour: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(directory, log_file)
        self.clock = clock
        self.engine = Engine(session, self._deliver)
        self.label, self.colour = label, colour
        self.lake = LakeView()
        self.info: LakeInfo | None = None
        self.read_only = session.settings.read_only
        self.journal_schema = session.settings.journal_schema
        self.looking = Looking(self, self.lake, self.engine, lambda: self._entries.row, self._detail_says)
        self.sight = Sight(self, self.lake, lambda: self._entries.rows_on_screen, self.engine.scan)
        self.last_key: tuple[str, float] = ("", 0.0)
        self._uncovered = 0.0
        self._lost_since: Lost | None = None
        self._store_lost: StoreLost | None = None
        self._load_failed: JobDone | None = None
        self._whole_scan: int | None = None
        self._said_without_entry = ""
        self._dirty = True
        self._counting = False
        self._timeline_shown = 0.0
        self._settled = False

    def _deliver(self, said: EngineMessage) -> None:
        """Called in the engine's thread."""
        self.post_message(EngineNews(said))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent) and not self.screen_stack:
            # the app is ending, and Textual (8.2.8) would end it with a traceback
            return
        if isinstance(event, events.Key):
            self.last_key = (event.key, event.time)
            if event.time < self._uncovered:
                # typed while a dialog lay on top: for that one, and for nothing beneath
                return
        elif isinstance(event, events.MouseDown) and self._is_on_nothing(event):
            return
        await super().on_event(event)

    def pop_screen(self) -> AwaitComplete:
        covers = bool(self.screen_stack) and self.screen.is_modal
        popped = super().pop_screen()
        if covers:
            self._uncovered = monotonic()
        return popped

    def _is_on_nothing(self, event: events.MouseDown) -> bool:
        """Whether it meets what is just being taken away, such as a toast: Textual (8.2.8) ends the app over that."""
        try:
            widget, _ = self.get_widget_at(event.x, event.y)
        except NoWidget:
            return False
        return not widget.is_attached

    def apply_looks(self) -> None:
        super().apply_looks()
        self.lake.sort = Sort(self.looks.sort, self.looks.reverse)
        self._show_sort()

    def looks_now(self) -> Looks:
        return replace(super().looks_now(), sort=self.lake.sort.column, reverse=self.lake.sort.reverse)

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
            return HeaderFacts(label=self.label, colour=self.colour, read_only=self.read_only, link=link)
        return HeaderFacts(
            label=self.label,
            colour=self.colour,
            lake=info.store or "no store named",
            database=info.database,
            target=str(info.target),
            read_only=info.read_only,
            link=link,
        )

    # what the engine says

    def on_engine_news(self, news: EngineNews) -> None:
        said = news.said
        match said:
            case Connected() | Back():
                self._lost_since = None
                self.looking.forget()
                self._ask_detail()
            case Lost():
                self._lost_since = said
            case StoreLost():
                self._store_lost = said
            case StoreBack():
                self._store_lost = None
            case Listed():
                self._load_failed = None
            case JobEvents():
                self._heed_scan(said)
            case JobDone():
                self._heed_end(said)
            case Detail():
                if self.looking.answered(said.request):
                    self._detail_title.said = said.path
        if not isinstance(said, Detail):
            self._dirty = True
            self._say_state()

    def _heed_scan(self, said: JobEvents) -> None:
        """A scan of all there is makes looking at what is in sight needless."""
        total = 0 if said.progress is None else said.progress.total
        live = len(self.lake.table) - self.lake.table.retired_count
        if said.kind is JobKind.SCAN and total and total >= live:
            self._whole_scan = said.job
            self.lake.scanned_whole(True)

    def _heed_end(self, said: JobDone) -> None:
        if said.kind is JobKind.LOAD:
            self._load_failed = said if said.error is not None else None
        if said.job == self._whole_scan:
            self._whole_scan = None
            self.lake.scanned_whole(False)
            self._filter.show_counts(self.lake.counts())
        self.sight_done(said.job, failed=said.error is not None)

    def sight_done(self, job: int, *, failed: bool = False) -> None:
        """A job is over; if it was of what is in sight, what is in sight by now comes next."""
        self.sight.done(job, failed=failed)
        self._scan_in_sight()

    def _scan_in_sight(self) -> None:
        self.sight.open = self._settled and not self.lake.scanning and self.lake.unscanned()[0] > 0
        self.sight.look()

    # why there is nothing to be seen

    def situation(self) -> Situation:
        """What is known of the lake by now: all that the words in empty panes depend on."""
        lake, wrong = self.lake, self._lost_since or self._load_failed
        sentence = "" if wrong is None else (wrong.sentence if isinstance(wrong, Lost) else wrong.error or "")
        return Situation(
            connected=self.info is not None,
            failed=wrong is not None and not isinstance(wrong, Lost),
            code="" if wrong is None else wrong.code or "",
            sentence=sentence,
            loading=lake.loading or not self._settled,
            known=len(lake.table) - lake.table.retired_count,
            shown=len(lake.snapshot),
            filter=str(lake.filter),
            unscanned=lake.unscanned()[0],
            scanning=lake.scanning,
        )

    def key_named(self, name: str) -> str:
        """The key of a binding, as a sentence names it."""
        return named(self, name)

    def _say_state(self) -> None:
        now = self.situation()
        self._entries.placeholder = table_words(now, self.key_named)
        self._left.causes.placeholder = causes_words(now, self.key_named)
        if self._entries.row is None:
            # the row that comes next may be the one that was shown before
            self.looking.forget()
            self._detail_says(detail_words(now))

    def _detail_says(self, sentence: str) -> None:
        row = self._entries.row
        self._detail_title.said = "" if row is None else self.lake.table.path(row)
        if row is not None or sentence != self._said_without_entry:
            self._detail.say(sentence)
        self._said_without_entry = sentence if row is None else ""

    # counts

    def _refresh_marks(self) -> None:
        if self.lake.refresh():
            self._entries.marks_changed()
        self._filter.show_counts(self.lake.counts())

    def _tick(self) -> None:
        """A few times a second at most: what costs more than a row."""
        if not self._dirty or self._counting:
            return
        # what the timeline was spared now, it shows at the next tick that is late enough
        late = monotonic() - self._timeline_shown >= _TIMELINE_SECONDS
        self._dirty = not late
        if self.lake.small:
            self._show_tallies(self.lake.tallies(), late)
        else:
            self._counting = True
            self._count(late)

    @work(group="counting")
    async def _count(self, late: bool) -> None:
        """Beside the event loop: at a million entries it takes as long as a frame. What is written to the table meanwhile is counted at
        the next tick."""
        try:
            tallies = await asyncio.to_thread(self.lake.tallies)
        finally:
            self._counting = False
        self._show_tallies(tallies, late)

    def _show_tallies(self, tallies: Tallies, late: bool) -> None:
        self._show_sentence(tallies.summary.parts())
        self._left.views.show(tallies.views, tallies.by_view)
        self._left.causes.show(tallies.summary.causes, self._messages_of)
        self._filter.show_counts(self.lake.counts())
        self._say_state()
        if late:
            self._timeline_shown = monotonic()
            self._timeline.data_changed()

    def _show_sentence(self, parts: Sequence[str]) -> None:
        """The lake in one sentence, of which the least important parts go where it is too long for the window; while the database or the
        store is lost, that, and that the rest is as it was."""
        lost = self._lost_since or self._store_lost
        if lost is not None and len(self.lake.table):
            parts = (f"✗ tried again until it answers, what is shown is as it was: {lost.sentence}",)
        room = self._top.content_size.width
        said = parts[0]
        for part in parts[1:]:
            if cell_len(f"{said}; {part}") > room:
                break
            said = f"{said}; {part}"
        self._top.set_class(lost is not None, "-lost")
        self._top.update(Text(visible(said), no_wrap=True, overflow="ellipsis"), layout=False)

    def _messages_of(self, cause: Cause) -> list[tuple[str, int]]:
        table = self.lake.table
        return [(table.errors[index], count) for index, count in by_error(table, code_of(cause)) if index >= 0]

    def log_line(self, text: str, severity: Severity = Severity.INFO, path: str | None = None) -> None:
        """A line for the log on the screen, and for the file."""
        self._log_pane.write([LogRecord(self.clock(), severity, text, path)])
        _log.log(_LEVELS[severity], "%s", visible(text))

    # filter and order

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
        self._say_state()
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

    async def on_count_line_asked(self, event: CountLine.Asked) -> None:
        await self.run_action(event.action)

    # the highlighted entry

    def on_entries_table_selection_changed(self) -> None:
        self._filter.show_counts(self.lake.counts())

    def on_entries_table_nothing_broken(self, event: EntriesTable.NothingBroken) -> None:
        shown = len(self.lake.snapshot)
        if not event.unknown:
            unscanned = self.lake.unscanned()[0]
            rest = f"; {unscanned:,} that the filter hides are not scanned" if unscanned else ""
            self.notify(f"no damage among those shown{rest}" if rest else "nothing broken among those shown")
        elif event.unknown >= shown:
            self.notify(f"{entries(shown)} shown, none of them scanned yet: {self.key_named('scan_all')} scans all")
        else:
            rest = "being scanned now" if self.lake.scanning else f"{self.key_named('scan_all')} scans all"
            said = (
                f"no damage found in {shown - event.unknown:,} of those shown; {event.unknown:,} not scanned ({rest})"
            )
            self.notify(said)

    def on_entries_table_highlighted(self, event: EntriesTable.Highlighted) -> None:
        self._ask_detail()
        self.sight.look()

    def open_detail(self, row: int) -> None:
        """The highlighted entry with its file, as a migration would read it."""
        self.looking.open(row)

    def _ask_detail(self) -> None:
        if self._entries.row is None:
            self.looking.forget()
            self._detail_says(detail_words(self.situation()))
        elif self.info is not None and not self.has_class("-narrow"):
            self.looking.look()

    def _fit(self, width: int, height: int) -> None:
        was_narrow = self.has_class("-narrow")
        super()._fit(width, height)
        if was_narrow and not self.has_class("-narrow"):
            self._ask_detail()
        self.sight.look()


def _keys(text: str) -> tuple[str, ...]:
    """The keys of the terms in a piece of a filter: a new `view:` takes the place of the old one."""
    return tuple(dict.fromkeys(part.partition(":")[0] for part in text.split() if ":" in part))
