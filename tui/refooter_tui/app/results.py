"""What became of runs: their result, from the events of one that ran here or from the journal, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from refooter.catalog.journal import RunRecord, RunState
from refooter.events import RunSummary
from refooter.jobs.decide import MigrateOptions
from refooter.values import Outcome, Reason, TargetName
from refooter_tui.app.doings import Going
from refooter_tui.app.messages import RunResults, Runs
from refooter_tui.app.scoped import Scoped, of_rows, of_run
from refooter_tui.app.screens.question import Question
from refooter_tui.app.screens.result import Group, Next, ResultScreen, Then
from refooter_tui.cli import words
from refooter_tui.cli.follow import Tally
from refooter_tui.cli.render import entries
from refooter_tui.model.columns import Int32s

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp

Amiss = Mapping[tuple[Outcome, Reason | None], Sequence[str]]
"""Paths by how they failed."""

# How often a run that is going on is asked about while its result is open.
_LOOK_SECONDS: Final = 1.0
_WELL: Final = (Outcome.MIGRATED, Outcome.WOULD_MIGRATE, Outcome.RESTORED, Outcome.GONE)


class Results:
    """Opens results, and does what is asked from there."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app
        self._runs: tuple[RunRecord, ...] = ()
        self._wanted: int | None = None
        self._asked = False
        # what was last told of each result that is open, or waits
        self._told: WeakKeyDictionary[ResultScreen, Amiss] = WeakKeyDictionary()

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        return self._runs

    def told_runs(self, said: Runs) -> None:
        if said.error is None:
            self._runs = said.runs

    # of a run of this process

    def ended(self, going: Going, summary: RunSummary) -> None:
        app = self._app
        screen = None if summary.run_id is None else self._open_screen(summary.run_id)
        if screen is not None:
            # it was looked at while it went on
            self._told[screen] = going.amiss
            screen.update(summary, going.tally, _groups(summary, going.amiss, going.tally))
        else:
            what = f"{going.kind.value} of {going.scoped.what}"
            self._show(what, summary, going.tally, going.scoped, going.amiss, going.options)
        app.engine.runs()
        if going.restored:
            # What came back is another value than the one that was judged last.
            app.doings.scan(Scoped(entries(len(going.restored)), going.restored), quiet=True)

    # of a run of the journal

    def open_run(self, run_id: int) -> None:
        """Asks for it; it is shown once the journal has answered."""
        self._wanted = run_id
        self._app.engine.runs()
        self._app.engine.run_results(run_id)

    def told_results(self, said: RunResults) -> None:
        record = next((run for run in self._runs if run.run_id == said.run_id), None)
        screen = self._open_screen(said.run_id)
        if said.error is not None:
            self._app.notify(said.error, title=f"run {said.run_id}", severity="error", markup=False)
        if record is None or said.error is not None:
            return
        tally, amiss = _tally_of(said)
        self._mark(record, said, amiss)
        summary = _summary_of(record, self._app.target)
        if screen is not None:
            ended = screen.going_on and record.state is not RunState.RUNNING
            self._told[screen] = amiss
            screen.update(summary, tally, _groups(summary, amiss, tally))
            if ended and said.changed is None:
                self._app.engine.run_results(said.run_id)
            self._look_again(screen)
        elif said.run_id == self._wanted:
            self._wanted = None
            self._show(f"run {said.run_id}", summary, tally, of_run(said.run_id), amiss)

    def _open_screen(self, run_id: int) -> ResultScreen | None:
        found = (one for one in self._app.screen_stack if isinstance(one, ResultScreen) and one.run_id == run_id)
        return next(found, None)

    def _look_again(self, screen: ResultScreen) -> None:
        """While the run goes on and its result is open."""
        run_id = screen.run_id
        if not screen.going_on or run_id is None:
            return

        def look() -> None:
            if self._open_screen(run_id) is not None:
                self._app.engine.runs()
                # what it changed is asked for once it has ended: it may be a million paths
                self._app.engine.run_results(run_id, changes=False)

        self._app.set_timer(_LOOK_SECONDS, look)

    def _mark(self, record: RunRecord, said: RunResults, amiss: Amiss) -> None:
        """The entries themselves learn what the run did to them, so that they can be filtered by it."""
        app, table, run = self._app, self._app.lake.table, record.run_id
        for (outcome, reason), paths in amiss.items():
            app.rows_ended(table.ended(run, table.rows_of(paths), outcome, reason))
        if said.changed is None or not len(said.changed):
            return
        changed = said.changed
        outcome = Outcome.RESTORED if record.counts.get(Outcome.RESTORED.value) else Outcome.MIGRATED

        def find() -> None:
            # a million paths take a second to be found
            for chunk in changed.chunks:
                app.call_from_thread(mark, table.rows_of(list(map(str, chunk.to_pylist()))))

        def mark(rows: Int32s) -> None:
            app.rows_ended(table.ended(run, rows, outcome))

        app.run_worker(find, thread=True, group="results")

    # shown, and answered

    def _show(
        self,
        what: str,
        summary: RunSummary,
        tally: Tally,
        scoped: Scoped,
        amiss: Amiss,
        options: MigrateOptions | None = None,
    ) -> None:
        if self._app.leaving.begun:
            return
        screen = ResultScreen(summary, tally, _groups(summary, amiss, tally), read_only=self._app.read_only)
        self._told[screen] = amiss

        def answered(wanted: Next | None) -> None:
            if wanted is not None:
                self._follow(wanted, screen.summary, scoped, self._told[screen], options)

        self._app.waiting.offer(what, lambda: self._app.push_screen(screen, answered))
        self._look_again(screen)

    def _follow(
        self, wanted: Next, summary: RunSummary, scoped: Scoped, amiss: Amiss, options: MigrateOptions | None
    ) -> None:
        app, group = self._app, wanted.group
        match wanted.what:
            case Then.FILTER if group is not None:
                app.filter_by(group.filter)
            case Then.RETRY if group is not None:
                rows = app.lake.table.rows_of(amiss[group.outcome, group.reason])
                again = replace(options or MigrateOptions(), dry_run=False)
                app.planning.scoped(of_rows(app.lake, rows, app.directory), again)
            case Then.EXPORT:
                app.doings.ask_export(scoped, summary.run_id)
            case Then.VERIFY:
                app.doings.verify(scoped, summary.run_id)
            case Then.ROLL_BACK if summary.run_id is not None:
                self.ask_rollback(summary.run_id)
            case Then.GO if options is not None:
                app.planning.scoped(scoped, replace(options, dry_run=False))
            case _:
                pass

    def ask_rollback(self, run_id: int) -> None:
        """Never without a question."""
        app = self._app
        if app.read_only:
            app.notify("this session is read-only: start it without --read-only to roll back", severity="warning")
            return
        rows = app.lake.selection.rows()
        picked = of_rows(app.lake, rows, app.directory) if len(rows) else None
        said = (
            f"Run {run_id} will be undone: every value that it replaced, and every stamp, comes back, where nobody has changed it"
            " since. That is a run of its own, and can itself be rolled back."
        )
        answers = {"y": "roll back all of it"}
        if picked is not None:
            answers["s"] = f"only what of it is among the {len(rows):,} selected"

        def answered(key: str | None) -> None:
            if key == "y":
                app.doings.roll_back(run_id, None)
            elif key == "s":
                app.doings.roll_back(run_id, picked)

        question = Question(f"Roll back run {run_id}", said, answers, command=app.commands.rollback(run_id, picked))
        app.push_screen(question, answered)


def _tally_of(results: RunResults) -> tuple[Tally, Amiss]:
    """What the journal says of the entries of a run that were not changed."""
    tally = Tally()
    amiss: dict[tuple[Outcome, Reason | None], list[str]] = {}
    for one in results.results:
        outcome = Outcome(one.outcome)
        if outcome in (Outcome.FAILED, Outcome.CONFLICT):
            reason = Reason(one.reason) if one.reason else None
            tally.failed(one.file_path, outcome, reason, one.sentence)
            amiss.setdefault((outcome, reason), []).append(one.file_path)
    return tally, amiss


def _groups(summary: RunSummary, amiss: Amiss, tally: Tally) -> Sequence[Group]:
    """How entries ended, what went wrong first."""
    run = f"run:{summary.run_id} " if summary.run_id is not None else ""
    groups = []
    for (outcome, reason), paths in sorted(amiss.items(), key=lambda item: -len(item[1])):
        asked = f"{run}outcome:{outcome.value}" + (f" reason:{reason.value}" if reason else "")
        remedy = words.REASONS[reason] if reason is not None else words.CONFLICT
        told = tally.groups.get(reason or outcome)
        sentence = told.first[0][1] if told is not None and told.first else ""
        groups.append(Group(outcome, reason, len(paths), asked, sentence, remedy))
    groups += [
        Group(outcome, None, count, f"{run}outcome:{outcome.value}", "", "")
        for outcome in _WELL
        if (count := summary.count(outcome))
    ]
    return groups


def _summary_of(record: RunRecord, target: TargetName | None) -> RunSummary:
    known = {outcome.value: outcome for outcome in Outcome}
    seconds = 0.0 if record.finished is None else (record.finished - record.started) / 1e6
    return RunSummary(
        kind=record.kind,
        run_id=record.run_id,
        selected=record.counts.get("selected", 0),
        outcomes={known[name]: count for name, count in record.counts.items() if name in known and count},
        reasons={},
        proved=record.counts.get("proved", 0),
        store_requests=record.counts.get("store_requests", 0),
        store_bytes=record.counts.get("store_bytes", 0),
        seconds=seconds,
        target=target or TargetName("?", "?", "?"),
        state=record.state.value,
        error=record.message if record.state is not RunState.FINISHED else None,
    )
