"""What a job's summary looks like to a person: one sentence first, then tables, then what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from refooter.events import Plan, RunSummary, ScanSummary, VerifySummary, ViewCount
from refooter.values import Cause, FileState, Outcome, Reason, Status
from refooter_tui.cli import words
from refooter_tui.cli.follow import Group, Tally
from refooter_tui.cli.render import (
    FILE_STATE_STYLES,
    OUTCOME_STYLES,
    STATUS_STYLES,
    cause_text,
    duration,
    entries,
    facts,
    gap,
    line,
    number,
    plural,
    say,
    share,
    size,
    status_text,
    table,
)

# of Amazon S3 Standard, which is also the order of what others ask
_DOLLARS_A_REQUEST = 0.0004 / 1000
STEPS = {
    "repair": "mended from their old values, without a request",
    "refetch": "read anew from their files",
    "stamp": "stamped with the newer version, unread",
    "skip": "left as they are",
    "fail": "cannot be mended",
}


def show_views(console: Console, views: Sequence[ViewCount]) -> None:
    """A line for each view set: one with an instance for each process has thousands of views."""
    sets: dict[str, list[ViewCount]] = {}
    for view in views:
        sets.setdefault(view.view.partition("/")[0], []).append(view)
    total = sum(view.entries for view in views)
    said = f"{plural(len(views), 'view')} in {plural(len(sets), 'view set')}, {entries(total)}."
    say(console, said, "bold")
    present = [status for status in Status if any(view.by_status.get(status) for view in views)]
    table(
        console,
        [
            ("view set", "text"),
            ("views", "number"),
            ("entries", "number"),
            *((_heading(console, status), "number") for status in present),
        ],
        (
            [
                name,
                number(len(some)),
                number(sum(view.entries for view in some)),
                *(_status_count(sum(view.by_status.get(status, 0) for view in some), status) for status in present),
            ]
            for name, some in sets.items()
        ),
    )
    if len(sets) < len(views):
        say(console, "`--json` lists every view by itself.", "dim")


def _heading(console: Console, status: Status) -> str:
    """The symbol above the word, where width is scarce."""
    text = status_text(console, status).plain
    return text.replace(" ", "\n") if console.is_terminal else text


def _status_count(count: int, status: Status) -> Text:
    return Text(number(count), style=STATUS_STYLES[status][0] if count else "dim")


def scan_sentence(by_status: Mapping[Status, int], total: int) -> str:
    """How it stands, worst first."""
    if total == 0:
        return "There is nothing to judge."
    broken = by_status.get(Status.LEGACY, 0) + by_status.get(Status.CORRUPT, 0)
    parts = [
        (broken, "{} not decode", "does", "do"),
        (by_status.get(Status.HARMFUL, 0), "{} but {} harm", "decodes", "decode"),
        (by_status.get(Status.STALE, 0), "{} out of date", "is", "are"),
        (by_status.get(Status.UNKNOWN, 0), "{} not judged", "is", "are"),
    ]
    said: list[str] = []
    for count, pattern, one, many in parts:
        if count:
            of = f" of {entries(total)}" if not said else ""
            said.append(
                f"{number(count)}{of} " + pattern.format(one if count == 1 else many, "does" if count == 1 else "do")
            )
    if not said:
        return "The one entry is ok." if total == 1 else f"All {entries(total)} are ok."
    return "; ".join(said) + "."


def show_scan(console: Console, summary: ScanSummary, *, advise: bool = True) -> None:
    say(console, scan_sentence(summary.by_status, summary.entries), "bold")
    say(console, f"Judged by {summary.target} in {duration(summary.seconds)}.", "dim")
    table(
        console,
        [("status", "text"), ("entries", "number"), ("share", "number")],
        (
            [status_text(console, status), number(count), share(count, summary.entries)]
            for status in Status
            if (count := summary.by_status.get(status, 0))
        ),
    )
    show_causes(console, summary.by_cause)
    if any(FileState(state) is not FileState.UNCHECKED for state in summary.by_file_state):
        table(
            console,
            [("file", "text"), ("entries", "number"), ("meaning", "fold")],
            (
                [
                    Text(state.value, style=FILE_STATE_STYLES.get(state, "yellow")),
                    number(count),
                    words.FILE_STATES[state],
                ]
                for state in FileState
                if (count := summary.by_file_state.get(state.value, 0))
            ),
        )
    beside = [
        (summary.orphans, "orphan entry (no partition row)", "orphan entries (no partition row)"),
        (summary.partitions_without_file, "partition without a file (empty)", "partitions without a file (empty)"),
        (
            summary.partitions_without_metadata,
            "partition with a file but no entry",
            "partitions with a file but no entry",
        ),
    ]
    if any(count for count, _, _ in beside):
        gap(console)
    for count, one, many in beside:
        if count:
            line(console, plural(count, one, many))
    if advise and summary.not_ok:
        gap(console)
        say(console, "`refooter migrate --dry-run` shows what can be mended; `-o FILE` lists every entry.")


def show_causes(console: Console, by_cause: Mapping[Cause, int]) -> None:
    table(
        console,
        [("cause", "text"), ("entries", "number"), ("meaning", "fold")],
        (
            [cause_text(cause), number(count), words.CAUSES[cause]]
            for cause in Cause
            if cause is not Cause.NONE and (count := by_cause.get(cause, 0))
        ),
    )


def show_plan(
    console: Console, plan: Plan, catalog: str, *, journal: str = "refooter", store: str | None = None
) -> None:
    """`journal`: the schema that before images go to. `store`: the root as the store shows it, if one is named."""
    say(console, plan_sentence(plan, catalog), "bold")
    show_plan_details(console, plan)
    gap(console)
    before_images = f"{size(plan.journal_bytes)} of before images, in the schema {journal} of the same database"
    facts(
        console,
        [
            ("store", plan_cost(plan, store)),
            ("WAL", size(plan.wal_bytes)),
            ("table growth", size(plan.table_bytes)),
            ("journal", before_images),
        ],
    )
    gap(console)


def plan_sentence(plan: Plan, catalog: str) -> str:
    verb = "is" if plan.changed == 1 else "are"
    count = f"{number(plan.changed)} of {entries(plan.selected)}"
    return f"{count} {verb} to be changed, as far as the catalog at {catalog} tells."


def plan_cost(plan: Plan, store: str | None) -> str:
    """What is read from the store, and what that costs. `store`: its root as it is shown, if one is named."""
    return _store(plan.store_requests, plan.store_bytes, plan.requests_saved) + _price(plan, store)


def show_plan_details(console: Console, plan: Plan) -> None:
    """What becomes of how many, by step, by cause, and what cannot be mended."""
    table(
        console,
        [("entries", "number"), ("what becomes of them", "fold")],
        ([number(count), STEPS.get(step, step)] for step, count in plan.by_step.items() if count),
    )
    show_causes(console, plan.by_cause)
    table(
        console,
        [("cannot be mended", "text"), ("entries", "number"), ("what to do", "fold")],
        (
            [Text(reason.value, style="red"), number(count), words.REASONS[reason]]
            for reason in Reason
            if (count := plan.refused.get(reason.value, 0))
        ),
    )


def _price(plan: Plan, store: str | None) -> str:
    """What the requests cost, where requests cost anything; the bytes are far too few to count."""
    if not plan.store_requests or store is None or store.startswith("file:"):
        return ""
    dollars = plan.store_requests * _DOLLARS_A_REQUEST
    said = "less than a cent" if dollars < 0.01 else f"about ${dollars:,.2f}"
    return f"; {said} where a thousand GET requests cost ${_DOLLARS_A_REQUEST * 1000:.4f}"


def run_sentence(summary: RunSummary) -> str:
    what = "Dry run" if summary.run_id is None else f"Run {summary.run_id} ({summary.kind})"
    said = [
        f"{number(count)} {words.OUTCOMES[outcome]}"
        for outcome in Outcome
        if (count := summary.outcomes.get(outcome, 0))
    ]
    ended = {"finished": "", "interrupted": ", interrupted", "stopped": ", stopped by itself"}.get(
        summary.state, f", {summary.state}"
    )
    return f"{what}{ended}: {entries(summary.selected)}" + (f"; {', '.join(said)}." if said else ", nothing done.")


def show_run(
    console: Console, summary: RunSummary, tally: Tally, *, advise: bool = True, failures: bool = True
) -> None:
    say(console, run_sentence(summary), "bold")
    table(
        console,
        [("outcome", "text"), ("entries", "number"), ("share", "number")],
        (
            [Text(outcome.value, style=OUTCOME_STYLES[outcome]), number(count), share(count, summary.selected)]
            for outcome in Outcome
            if (count := summary.outcomes.get(outcome, 0))
        ),
    )
    pairs = [("time", _speed(summary))]
    if summary.store_requests or summary.requests_saved:
        pairs.append(("store", _store(summary.store_requests, summary.store_bytes, summary.requests_saved)))
    if summary.proved:
        are = "new value is its file's own footer" if summary.proved == 1 else "new values are their files' own footers"
        pairs.append(("proved", f"{number(summary.proved)} {are}"))
    gap(console)
    facts(console, pairs)
    if failures:
        show_failures(console, tally)
    if advise and summary.run_id is not None:
        gap(console)
        if tally.failures_total:
            say(console, f"`refooter export --run {summary.run_id} -o FILE` lists every failure.")
        if summary.count(Outcome.MIGRATED) or summary.count(Outcome.RESTORED):
            say(
                console,
                f"`refooter rollback {summary.run_id}` undoes this run; `refooter verify --run {summary.run_id}` checks it.",
            )


def _store(requests: int, received: int, saved: int) -> str:
    said = f"{plural(requests, 'request')}, {size(received)}"
    return f"{said}; {number(saved)} saved by repairs from the old values" if saved else said


def _speed(summary: RunSummary) -> str:
    done = sum(summary.outcomes.values())
    rate = f" ({number(round(done / summary.seconds))} entries/s)" if done and summary.seconds > 0 else ""
    return duration(summary.seconds) + rate


def show_failures(console: Console, tally: Tally) -> None:
    """By reason, the most frequent first, each with the first few paths and what to do."""
    for name, group in sorted(tally.groups.items(), key=lambda item: -item[1].total):
        advice = words.REASONS.get(name) if isinstance(name, Reason) else words.CONFLICT
        _show_group(console, name.value, group, advice, "yellow" if name is Outcome.CONFLICT else "red")


def show_verification(console: Console, summary: VerifySummary, tally: Tally) -> None:
    problems = summary.problems
    if problems == 0:
        say(console, f"{entries(summary.entries)} verified: every one decodes and does no harm.", "bold green")
    else:
        say(
            console,
            f"{plural(problems, 'problem')}; {number(summary.ok)} of {entries(summary.entries)} without any.",
            "bold",
        )
    say(console, f"Judged by {summary.target} in {duration(summary.seconds)}.", "dim")
    if summary.run:
        table(
            console,
            [("of the run", "text"), ("entries", "number")],
            ([name.replace("_", " "), number(count)] for name, count in summary.run.items()),
        )
    for name, group in sorted(tally.problem_groups.items(), key=lambda item: -item[1].total):
        _show_group(console, name, group, words.problem_advice(name), "red")


def _show_group(console: Console, name: str, group: Group, advice: str | None, style: str) -> None:
    gap(console)
    say(console, Text.assemble((name, style), f": {plural(group.total, 'file')}"))
    for path, sentence in group.first:
        line(console, path, indent=2)
        if sentence:
            line(console, sentence, indent=4, style="dim")
    if group.total > len(group.first):
        line(console, f"and {number(group.total - len(group.first))} more", indent=2, style="dim")
    if advice:
        say(console, advice, "italic")
