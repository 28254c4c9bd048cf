"""How runs look to a person."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from refooter.catalog.audit import Audit
from refooter.catalog.journal import ImagesDropped, ResultRecord, RunRecord, RunState
from refooter.values import Outcome, time_text
from refooter_tui.cli import words
from refooter_tui.cli.render import (
    OUTCOME_STYLES,
    duration,
    entries,
    facts,
    gap,
    line,
    number,
    plural,
    say,
    size,
    table,
)

_STATE_STYLES = {
    RunState.RUNNING: "cyan",
    RunState.FINISHED: "green",
    RunState.INTERRUPTED: "yellow",
    RunState.STOPPED: "red",
    RunState.DEAD: "red",
}


def show_runs(console: Console, runs: list[RunRecord]) -> None:
    if not runs:
        say(console, "There are no runs yet.")
        return
    say(console, f"{plural(len(runs), 'run')}, newest first.")
    # A column that hardly any journal needs.
    pruned = any(record.images_dropped for record in runs)
    table(
        console,
        [
            ("run", "number"),
            ("kind", "text"),
            ("started", "text"),
            ("state", "text"),
            ("changed", "number"),
            ("failed", "number"),
            ("conflict", "number"),
            *([("before images", "text")] if pruned else []),
        ],
        (
            [
                str(record.run_id),
                record.kind,
                (time_text(record.started) or "")[:19].replace("T", " ") + "Z",
                Text(record.state.value, style=_STATE_STYLES[record.state]),
                number(record.counts.get("migrated", 0) + record.counts.get("restored", 0)),
                _alarming(record.counts.get("failed", 0), "red"),
                _alarming(record.counts.get("conflict", 0), "yellow"),
                *([_images(record)] if pruned else []),
            ]
            for record in runs
        ),
    )


def _images(record: RunRecord) -> Text:
    return Text("dropped" if record.images_dropped else "", style="yellow")


def _alarming(count: int, style: str) -> Text:
    return Text(number(count), style=style if count else "dim")


def show_record(console: Console, record: RunRecord) -> None:
    said = [
        f"{number(count)} {words.OUTCOMES[outcome]}"
        for outcome in Outcome
        if (count := record.counts.get(outcome.value, 0))
    ]
    say(
        console,
        f"Run {record.run_id} ({record.kind}), {record.state.value}: {entries(record.counts.get('selected', 0))}"
        + (f"; {', '.join(said)}." if said else ", nothing done."),
        "bold",
    )
    gap(console)
    pairs = [
        ("by", record.who),
        ("started", time_text(record.started) or ""),
        ("finished", _ended(record)),
        ("selection", _selection(record)),
        ("strategy", record.strategy),
        ("judged by", record.target),
        ("program", f"refooter {record.program_version}, catalog version {record.catalog_version}"),
    ]
    requests = record.counts.get("store_requests", 0)
    if requests:
        pairs.append(("store", f"{plural(requests, 'request')}, {size(record.counts.get('store_bytes', 0))}"))
    proved = record.counts.get("proved", 0)
    if proved:
        pairs.append(("proved", f"{number(proved)} of the new values are their files' own footers"))
    if record.message:
        pairs.append(("message", record.message))
    if record.images_dropped is not None:
        pairs.append(("images dropped", _dropped(record.images_dropped)))
    facts(console, pairs)


def _ended(record: RunRecord) -> str:
    """When, and after how long; of one that has not ended, or died, how long ago it was last heard of."""
    took = "" if record.seconds is None else f", after {duration(record.seconds)}"
    if record.state in (RunState.RUNNING, RunState.DEAD) and record.heartbeat_age is not None:
        still = "not yet" if record.state is RunState.RUNNING else "never"
        return f"{still}; last heard of {duration(record.heartbeat_age)} ago{took}"
    return (time_text(record.finished) or "not yet") + took


def _dropped(dropped: ImagesDropped) -> str:
    return (
        f"of {entries(dropped.entries)}, {size(dropped.bytes)}, by {dropped.who} on {time_text(dropped.when)}:"
        " these can no longer be rolled back"
    )


def show_audit(console: Console, audit: Audit) -> None:
    for name, counts in (("cause", audit.by_cause), ("repair", audit.by_repair), ("reason", audit.by_reason)):
        table(console, [(name, "text"), ("entries", "number")], ([word, number(n)] for word, n in counts.items()))
    table(
        console,
        [("changed later by", "text"), ("kind", "text"), ("started", "text"), ("of these entries", "number")],
        (
            [
                f"run {one.run_id}",
                f"{one.kind} of this run" if one.undoes else one.kind,
                time_text(one.started) or "",
                number(one.entries),
            ]
            for one in audit.later
        ),
    )


def _selection(record: RunRecord) -> str:
    if not record.selection:
        return "everything"
    said = []
    for name, value in record.selection.items():
        if name == "path_total":
            continue
        if name == "path":
            said.append(plural(int(record.selection.get("path_total", len(value))), "path"))
        elif name in ("since", "until"):
            said.append(f"{name} {time_text(value)}")
        else:
            said.append(f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return "; ".join(said)


def show_outcomes(console: Console, page: list[ResultRecord]) -> None:
    """Every one, in two lines: the outcome with its path, and the sentence."""
    known = {outcome.value: style for outcome, style in OUTCOME_STYLES.items()}
    for one in page:
        gap(console)
        word = one.outcome if one.reason is None else f"{one.outcome}, {one.reason}"
        say(console, Text(word, style=known.get(one.outcome, "")))
        line(console, one.file_path)
        line(console, one.sentence, indent=4, style="dim")
