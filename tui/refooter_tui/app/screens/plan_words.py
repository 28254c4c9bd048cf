"""A plan in a few lines: what would become of how many entries, what it costs, and where before images go."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from refooter.events import Plan
from refooter_tui.cli.render import cause_text, facts, number, say, size
from refooter_tui.cli.reports import plan_cost, plan_sentence

_STEPS: Final = {
    "repair": ("mended from their old values", ""),
    "refetch": ("read anew from their files", ""),
    "stamp": ("stamped", ""),
    "skip": ("left as they are", "dim"),
    "fail": ("cannot be mended", "red"),
}


def show_essentials(console: Console, plan: Plan, catalog: str, *, journal: str, store: str | None) -> None:
    """So short that it is seen whole, with its keys, in a terminal of 80x24."""
    say(console, plan_sentence(plan, catalog), "bold")
    steps = [
        Text(f"{number(count)} {said}", style=style)
        for step, (said, style) in _STEPS.items()
        if (count := plan.by_step.get(step, 0))
    ]
    by_count = sorted(plan.by_cause.items(), key=lambda item: -item[1])
    causes = [cause_text(cause).append(f" {number(count)}", "default") for cause, count in by_count if count]
    rows: list[tuple[str, Text | str]] = [
        ("entries", _listed(steps)),
        ("causes", _listed(causes)),
        ("store", plan_cost(plan, store)),
        ("journal", f"{size(plan.journal_bytes)} of before images, in this database's schema {journal}"),
        ("growth", f"WAL {size(plan.wal_bytes)}, table {size(plan.table_bytes)}"),
    ]
    facts(console, [(name, said) for name, said in rows if said])


def _listed(parts: list[Text]) -> Text:
    return Text(", ").join(parts)
