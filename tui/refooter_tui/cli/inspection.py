"""How an inspected value looks to a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.console import Console

from refooter.values import Entry, time_text, view_name
from refooter_tui.cli import words
from refooter_tui.cli.render import facts, gap, line, number, plural, say, size, status_text, table

if TYPE_CHECKING:
    from refooter.jobs.inspect import Inspection

_MOST_ROW_GROUPS = 20
_LONGEST_VALUE = 200


def show_inspection(console: Console, found: Inspection) -> None:
    diagnosis = found.diagnosis
    line(console, found.name, indent=0, style="bold")
    verdict = status_text(console, diagnosis.status)
    verdict.append(f"  {diagnosis.cause.value}: {words.CAUSES[diagnosis.cause]}" if diagnosis.causes else "")
    say(console, verdict)
    gap(console)
    pairs: list[tuple[str, str]] = [("value", f"{size(found.size)}, layout {diagnosis.layout.value}")]
    if diagnosis.error is not None:
        pairs.append(("target parser", diagnosis.error))
    others = [cause.value for cause in diagnosis.causes if cause is not diagnosis.cause]
    if others:
        pairs.append(("also", ", ".join(others)))
    pairs += [("evidence", said) for said in diagnosis.evidence]
    if found.entry is not None:
        pairs += _catalog(found.entry)
    facts(console, pairs)
    if found.footer is not None:
        gap(console)
        _show_footer(console, found.footer)


def _catalog(entry: Entry) -> list[tuple[str, str]]:
    partitions = entry.partitions
    pairs = [("view", view_name(*entry.view)), ("inserted", time_text(entry.insert_time) or "?")]
    if entry.version is not None:
        pairs.append(("format version", ", ".join(str(version) for version in dict.fromkeys(entry.versions))))
    if entry.orphan:
        return [*pairs, ("partitions", "none: an orphan")]
    rows = " or ".join(number(rows) if rows else "0 (not recorded)" for rows in partitions.num_rows)
    sizes = " or ".join("unknown" if found is None else f"{number(found)} bytes" for found in partitions.file_sizes)
    return [*pairs, ("partitions", number(partitions.count)), ("catalog rows", rows), ("file size", sizes)]


def _show_footer(console: Console, footer: dict[str, Any]) -> None:
    rows, columns, groups = (int(footer[name]) for name in ("num_rows", "num_columns", "num_row_groups"))
    say(console, f"Footer: {plural(rows, 'row')}, {plural(columns, 'column')}, {plural(groups, 'row group')}.", "bold")
    facts(console, [("created by", str(footer["created_by"])), ("size", size(int(footer["serialized_size"])))])
    table(
        console,
        [("column", "text"), ("type", "text"), ("logical type", "text")],
        ([column["path"], column["physical_type"], _logical(column["logical_type"])] for column in footer["schema"]),
    )
    table(
        console,
        [
            ("row group", "number"),
            ("rows", "number"),
            ("compressed", "number"),
            ("uncompressed", "number"),
            ("page index", "text"),
        ],
        (_row_group(index, group) for index, group in enumerate(footer["row_groups"][:_MOST_ROW_GROUPS])),
    )
    if groups > _MOST_ROW_GROUPS:
        line(console, f"and {number(groups - _MOST_ROW_GROUPS)} more; --json shows them", style="dim")
    for pair in footer["key_value_metadata"]:
        value = pair.get("value", pair.get("value_base64", ""))
        more = f"... ({number(len(value))} characters)" if len(value) > _LONGEST_VALUE else ""
        line(console, f"{pair['key']} = {value[:_LONGEST_VALUE]}{more}", style="dim")


def _logical(text: str) -> str:
    """pyarrow's words, without those of a timestamp that nobody needs: `Timestamp(nanoseconds, UTC)`."""
    found = re.match(r"(Timestamp|Time)\(isAdjustedToUTC=(\w+), timeUnit=(\w+)", text)
    if found is not None:
        return f"{found[1]}({found[3]}{', UTC' if found[2] == 'true' else ''})"
    return "" if text == "None" else text


def _row_group(index: int, group: dict[str, Any]) -> list[str]:
    chunks = group["columns"]
    indexed = sum(bool(chunk["has_offset_index"]) for chunk in chunks)
    return [
        number(index),
        number(int(group["num_rows"])),
        size(sum(int(chunk["total_compressed_size"]) for chunk in chunks)),
        size(int(group["total_byte_size"])),
        f"{indexed} of {len(chunks)} columns" if indexed else "none",
    ]
