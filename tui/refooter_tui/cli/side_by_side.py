"""Before and after: what stands in the catalog, and what a migration would put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from refooter.events import INSERTED
from refooter.values import Diagnosis, Outcome
from refooter_tui.cli import words
from refooter_tui.cli.render import cause_text, facts, gap, line, number, plural, say, status_text, table
from refooter_tui.text import visible

if TYPE_CHECKING:
    from refooter.diagnosis.differences import Differences
    from refooter.jobs.inspect import Inspection
    from refooter.jobs.replacement import Replacement
    from refooter.parquet.footer import Chunk, Footer, Range

WIDE_ENOUGH: Final = 100
_MOST_CHUNKS = 2
_MOST_DIFFERENCES = 3
_MOST_LINES = 1000

_DONE: Final = {
    "refetch": "read anew from the file",
    "stamp": "only the format version changes",
    "cut_out": "the footer is cut out of the value, unchanged",
    "true_pointers": "the page-index pointers are put right",
    "without_pointers": "the page-index pointers are taken away",
    "num_rows": "the row count is put right",
    "before_image": "what stood there before is put back",
    "backup": "what a backup has is put back",
    INSERTED: "the row that had vanished is put back",
}


def show_after(console: Console, found: Inspection, *, whole: bool) -> None:
    """What a migration would do about the value; nothing, where that was not looked for."""
    if found.after is None:
        if found.diagnosis.causes and found.result is None:
            gap(console)
            say(console, "--rows and --file-size say what the catalog would, and so what could take its place.", "dim")
        return
    gap(console)
    replacement = found.after.replacement
    if replacement.outcome is Outcome.SKIPPED:
        say(console, f"A migration leaves it as it is: {replacement.sentence}.", "dim")
        return
    say(console, _outcome(replacement))
    if replacement.outcome is Outcome.FAILED and replacement.reason is not None:
        say(console, words.REASONS[replacement.reason], "italic")
    if replacement.value is None or replacement.diagnosis is None or found.after.footer is None:
        return
    before = _side(console, found.size, found.diagnosis, found.footer)
    after = _side(console, len(replacement.value), replacement.diagnosis, found.after.footer)
    _show_sides(console, before, after)
    if found.after.differences is not None and replacement.how != "stamp":
        _show_differences(console, found.after.differences, whole=whole)


def done_words(how: str) -> str:
    """What a repair does, by its name; names joined by `+` are repairs one after the other."""
    return " and ".join(_DONE.get(step, step) for step in how.split("+"))


def _outcome(replacement: Replacement) -> Text:
    how = done_words(replacement.how or "")
    if replacement.outcome is Outcome.WOULD_MIGRATE:
        proved = (
            ""
            if replacement.how == "stamp"
            else ", the file's own footer to the byte"
            if replacement.proved
            else ", unproved"
        )
        name = f"{replacement.how}: {how}{proved}"
        return Text.assemble(("A migration would change it", "bold green"), visible(f" ({name})."))
    if replacement.outcome is None:
        return Text.assemble(("What would take its place?", "bold"), " ", visible(_sentence(replacement.sentence)))
    said = visible(f": {replacement.sentence.removesuffix('.')}.")
    reason = "" if replacement.reason is None else f" ({replacement.reason.value})"
    return Text.assemble((f"A migration would fail{reason}", "bold red"), said)


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:].removesuffix('.')}."


_Side = list[tuple[str, Text]]


def _side(console: Console, size: int, diagnosis: Diagnosis, footer: Footer | None) -> _Side:
    status = status_text(console, diagnosis.status)
    if diagnosis.causes:
        status.append(" ").append_text(cause_text(diagnosis.cause))
    side = [("status", status), ("value", Text(f"{diagnosis.layout.value}, {plural(size, 'byte')}"))]
    if footer is None:
        return [*side, ("footer", Text("none that can be read"))]
    groups = footer.row_groups
    known = sum(group.num_rows for group in groups if group.num_rows is not None)
    rows = "missing" if footer.num_rows is None else number(footer.num_rows)
    side += [
        ("footer", Text(f"{plural(footer.end - footer.start, 'byte')}, from byte {number(footer.start)} on")),
        ("num_rows", Text(f"{rows}; {plural(len(groups), 'row group')} with {number(known)}")),
    ]
    for chunk in groups[0].some_columns(0, _MOST_CHUNKS) if groups else ():
        side.append((f"index of {chunk.column}", Text(_pointers(chunk))))
    return side


def _pointers(chunk: Chunk) -> str:
    said = [
        f"{kind} {_place(found)}"
        for kind, found in (("columns at", chunk.column_index), ("offsets at", chunk.offset_index))
        if found is not None
    ]
    return ", ".join(said) or "none"


def _place(found: Range) -> str:
    offset, length = found
    return number(offset) if length is None else f"{number(offset)} +{number(length)}"


def _show_sides(console: Console, before: _Side, after: _Side) -> None:
    """Two columns where there is room, one below the other where there is not; what does not change is dim."""
    old, new = dict(before), dict(after)
    names = list(dict.fromkeys([*old, *new]))
    nothing = Text("")
    for name in names:
        if name in old and name in new and old[name].plain == new[name].plain:
            old[name].style = new[name].style = "dim"
    if console.width >= WIDE_ENOUGH:
        rows = [[Text(name, style="dim"), old.get(name, nothing), new.get(name, nothing)] for name in names]
        table(console, [("", "text"), ("before", "fold"), ("after", "fold")], rows)
        return
    changed = [(name, text) for name, text in after if name not in old or old[name].plain != text.plain]
    same = [name for name in names if name in old and name in new and old[name].plain == new[name].plain]
    for title, side in (("Before", before), ("After", changed)):
        gap(console)
        say(console, title, "bold")
        facts(console, side)
    if same:
        line(console, f"the same: {', '.join(same)}", indent=0, style="dim")


def _show_differences(console: Console, differences: Differences, *, whole: bool) -> None:
    gap(console)
    if not differences.total:
        say(console, "The footer itself does not change: every byte of it is the same.", "bold")
        return
    fields = plural(differences.total, "field")
    verb = "differs" if differences.total == 1 else "differ"
    say(console, f"{fields} of the footer {verb}, {plural(differences.bytes, 'byte')} together:", "bold")
    shown = differences.kept[: _MOST_LINES if whole else _MOST_DIFFERENCES]
    for difference in shown:
        before = "absent" if difference.before is None else difference.before
        after = "absent" if difference.after is None else difference.after
        said = Text.assemble(
            visible(f"{difference.path}: "), (visible(before), "red"), " -> ", (visible(after), "green")
        )
        say(console, said)
    if differences.total > len(shown):
        line(console, f"and {number(differences.total - len(shown))} more; --all shows more", style="dim")
