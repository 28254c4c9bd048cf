"""How runs look to a person."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from refooter.catalog.journal import ResultRecord, RunRecord, RunState
from refooter.values import Outcome, time_text
from refooter_tui.cli import words
from refooter_tui.cli.render import OUTCOME_STYLES, entries, facts, gap, line, number, plural, say, size, table

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
            ]
            for record in runs
        ),
    )


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
        ("finished", time_text(record.finished) or "not yet"),
        ("selection", _selection(record)),
        ("strategy", record.strategy),
        ("judged by", record.target),
        ("program", f"refooter {record.program_version}, catalog version {record.catalog_version}"),
    ]
    requests = record.counts.get("store_requests", 0)
    if requests:
        pairs.append(("store", f"{plural(requests, 'request')}, {size(record.counts.get('store_bytes', 0))}"))
    if record.message:
        pairs.append(("message", record.message))
    facts(console, pairs)


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
            said.append(f"{name} {', '.join(value) if isinstance(value, list) else value}")
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
