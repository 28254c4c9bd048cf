"""How an inspected value looks to a person: the page that one sees first, and the parts that can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from refooter.values import Diagnosis, Entry, time_text, view_name
from refooter_tui.cli import words
from refooter_tui.cli.column_view import show_columns, show_pages
from refooter_tui.cli.footer_tree import Tree
from refooter_tui.cli.hex_view import HexView, byte_range
from refooter_tui.cli.render import STATUS_STYLES, facts, gap, line, number, plural, say, size, status_text
from refooter_tui.cli.side_by_side import show_after
from refooter_tui.text import visible

if TYPE_CHECKING:
    from refooter.diagnosis.marks import Mark
    from refooter.diagnosis.regions import Region
    from refooter.jobs.inspect import Inspection, PageIndexBytes
    from refooter.parquet.findings import Finding
    from refooter.parquet.footer import Footer, KeyValue, RowGroup

_MOST_COLUMNS = 5
_MOST_ROW_GROUPS = 4
_MOST_FINDINGS = 5
_MOST_REGIONS = 12
_MOST_RANGES = 3
_MOST_LINES = 1000
_LONGEST_VALUE = 60
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Parts:
    """What was asked for. `whole`: nothing is to be shortened."""

    tree: Tree | None = None
    columns: bool = False
    pages: bool = False
    hex: HexView | None = None
    whole: bool = False

    @property
    def any(self) -> bool:
        return self.columns or self.pages or self.tree is not None or self.hex is not None


def show_inspection(console: Console, found: Inspection, parts: Parts, *, summary: bool) -> None:
    _head(console, found)
    if summary:
        show_summary(console, found, whole=parts.whole)
    if parts.tree is not None:
        gap(console)
        parts.tree.show(console)
    if parts.columns:
        show_columns(console, found.footer, whole=parts.whole)
    if parts.pages:
        show_pages(console, found, whole=parts.whole)
    if parts.hex is not None:
        gap(console)
        parts.hex.show(console)


def _head(console: Console, found: Inspection) -> None:
    line(console, found.name, indent=0, style="bold")
    show_verdict(console, found)


def show_verdict(console: Console, found: Inspection) -> None:
    """Status and cause, and what the cause means."""
    diagnosis = found.diagnosis
    verdict = status_text(console, diagnosis.status)
    verdict.append(f"  {diagnosis.cause.value}: {words.CAUSES[diagnosis.cause]}" if diagnosis.causes else "")
    say(console, verdict)


def show_summary(console: Console, found: Inspection, *, whole: bool) -> None:
    """Everything at a glance: diagnosis, evidence, the map of the value, the footer, what a migration would do."""
    gap(console)
    facts(console, _diagnosis(found))
    _show_regions(console, found, whole=whole)
    if found.footer is not None:
        _show_footer(console, found.footer, found.page_index, whole=whole)
        _show_findings(console, found.footer, whole=whole)
    elif found.value:
        gap(console)
        say(console, "No part of the value can be read as a footer.", "bold")
    show_after(console, found, whole=whole)


def _diagnosis(found: Inspection) -> list[tuple[str, str]]:
    diagnosis = found.diagnosis
    pairs = [("value", f"{plural(found.size, 'byte')}, layout {diagnosis.layout.value}")]
    if diagnosis.error is not None:
        pairs.append(("target parser", diagnosis.error))
    others = [cause.value for cause in diagnosis.causes if cause is not diagnosis.cause]
    if others:
        pairs.append(("also", ", ".join(others)))
    pairs += [("evidence", said) for said in diagnosis.evidence]
    return pairs if found.entry is None else [*pairs, *_catalog(found.entry)]


def _catalog(entry: Entry) -> list[tuple[str, str]]:
    partitions = entry.partitions
    versions = ", ".join(str(version) for version in dict.fromkeys(entry.versions))
    inserted = f"inserted {time_text(entry.insert_time) or '?'}"
    pairs = [("entry", f"{view_name(*entry.view)}, {f'format version {versions}, ' if versions else ''}{inserted}")]
    if entry.orphan:
        return [*pairs, ("catalog", "no partition row: an orphan")]
    rows = " or ".join(number(rows) if rows else "0 (not recorded)" for rows in partitions.num_rows)
    sizes = " or ".join("unknown" if found is None else number(found) for found in partitions.file_sizes)
    said = f"{plural(partitions.count, 'partition')}: {rows} rows, a file of {sizes} bytes"
    return [*pairs, ("catalog", said)]


def _show_regions(console: Console, found: Inspection, *, whole: bool) -> None:
    """One line for each part of the value. What the evidence speaks of has the status's symbol and colour, and is named."""
    if not found.regions:
        return
    gap(console)
    shown = found.regions[: _MOST_LINES if whole else _MOST_REGIONS]
    ranges = [byte_range(region.start, region.end) for region in shown]
    wide = max(len(said) for said in ranges)
    wide_size = max(len(number(region.size)) for region in shown)
    evidence = [mark for mark in found.marks if mark.source.value == "evidence"]
    for region, said in zip(shown, ranges, strict=True):
        inside = [mark for mark in evidence if mark.start < region.end and region.start < mark.end]
        symbol, style = _symbol(console, found.diagnosis, bool(inside))
        text = Text.assemble(
            (symbol, style),
            (f" {said:>{wide}}", "dim"),
            f"  {number(region.size):>{wide_size}}  ",
            (visible(region.what), style),
        )
        marked = _marked(region, inside, most=_MOST_LINES if whole else _MOST_RANGES)
        if marked and text.cell_len + len(marked) + 2 > console.width:
            line(console, text, indent=0)
            text = Text(" " * (wide + wide_size + 4))
        line(console, text.append(f"  {marked}" if marked else "", style="dim"), indent=0)
    if len(found.regions) > len(shown):
        line(console, f"and {number(len(found.regions) - len(shown))} more; --all shows them", style="dim")


def _symbol(console: Console, diagnosis: Diagnosis, marked: bool) -> tuple[str, str]:
    if not marked:
        return " ", ""
    return status_text(console, diagnosis.status).plain[0], STATUS_STYLES[diagnosis.status][0]


def _marked(region: Region, marks: list[Mark], *, most: int) -> str:
    """Which bytes of a region are marked, unless it is all of them."""
    within = [mark for mark in marks if mark.start > region.start or mark.end < region.end]
    if not within:
        return ""
    said = ", ".join(byte_range(mark.start, mark.end) for mark in within[:most])
    more = f" and {number(len(within) - most)} more" if len(within) > most else ""
    return f"(see {said}{more})"


def _show_footer(console: Console, footer: Footer, page_index: PageIndexBytes, *, whole: bool) -> None:
    schema, groups = footer.schema, footer.row_groups
    rows = "an unknown number of rows" if footer.num_rows is None else plural(footer.num_rows, "row")
    gap(console)
    counts = f"{plural(len(schema.leaves), 'column')}, {plural(len(groups), 'row group')}"
    end = "" if footer.problem is None else " as far as it can be read"
    say(console, f"Footer{end}: {rows}, {counts}.", "bold")
    version = "not said" if footer.version is None else str(footer.version)
    length = plural(footer.end - footer.start, "byte")
    pairs = [("created by", f"{footer.created_by or 'not said'}; version {version}, {length}")]
    if footer.encryption is not None:
        pairs.append(("encryption", footer.encryption))
    pairs += [("key-value", _key_value(pair, whole=whole)) for pair in footer.key_values[: _MOST_LINES if whole else 4]]
    if page_index.pointed_to:
        pairs.append(("page index", page_index.sentence))
    shown = groups[: _MOST_LINES if whole else _MOST_ROW_GROUPS]
    pairs += [(f"row group {group.index}", _row_group(group)) for group in shown]
    facts(console, pairs)
    _more(console, len(groups) - len(shown), "row group")
    show_schema(console, footer, whole=whole)


def _key_value(pair: KeyValue, *, whole: bool) -> str:
    key = pair.key.decode("utf-8", "backslashreplace")
    if pair.value is None:
        return f"{key} without a value"
    if pair.key == b"ARROW:schema":
        return f"{key} = {_arrow_schema(pair.value, whole=whole)}"
    value = pair.value.decode("utf-8", "backslashreplace")
    more = f"... ({plural(len(pair.value), 'byte')})" if len(value) > _LONGEST_VALUE and not whole else ""
    return f"{key} = {value[:_LONGEST_VALUE] if more else value}{more}"


def _arrow_schema(value: bytes, *, whole: bool) -> str:
    from refooter.parquet.arrow_schema import read_arrow_schema

    schema = read_arrow_schema(value)
    if schema.problem is not None:
        return f"cannot be read: {schema.problem}"
    if whole:
        return "; ".join(schema.lines)
    first = schema.lines[0] if schema.lines else "no fields"
    more = f"; and {number(len(schema.lines) - 1)} more lines" if len(schema.lines) > 1 else ""
    return f"{first}{more}"


def show_schema(console: Console, footer: Footer, *, whole: bool) -> None:
    """Every leaf column with its types."""
    leaves = footer.schema.leaves
    shown = leaves[: _MOST_LINES if whole else _MOST_COLUMNS]
    pairs = []
    for index in shown:
        leaf = footer.schema.elements[index]
        words = (leaf.type.physical_words, leaf.type.words, (leaf.repetition or "").lower())
        pairs.append((_shortened(".".join(footer.schema.path(index))), ", ".join(filter(None, words))))
    if pairs:
        gap(console)
        facts(console, pairs)
    _more(console, len(leaves) - len(shown), "column")


def show_row_groups(console: Console, footer: Footer) -> None:
    """A line for each row group."""
    shown = footer.row_groups[:_MOST_LINES]
    facts(console, [(f"row group {group.index}", _row_group(group)) for group in shown])
    _more(console, len(footer.row_groups) - len(shown), "row group")


def show_key_values(console: Console, footer: Footer) -> None:
    """The file's key-value metadata, an Arrow schema in it decoded."""
    shown = footer.key_values[:_MOST_LINES]
    if not shown:
        say(console, "The footer holds no key-value metadata.", "dim")
    for pair in shown:
        line(console, _key_value(pair, whole=True))
    _more(console, len(footer.key_values) - len(shown), "pair")


def _shortened(name: str) -> str:
    """A column's name as a heading; `--columns` and `--json` have all of it."""
    name = visible(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _row_group(group: RowGroup) -> str:
    chunks = group.columns
    indexed = sum(chunk.offset_index is not None for chunk in chunks)
    compressed = group.total_compressed_size
    if compressed is None:
        compressed = sum(chunk.total_compressed_size or 0 for chunk in chunks)
    rows = "rows not said" if group.num_rows is None else plural(group.num_rows, "row")
    plain = "size not said" if group.total_byte_size is None else size(group.total_byte_size)
    index = f"page index for {indexed} of {plural(len(chunks), 'column')}" if indexed else "no page index"
    return f"{rows}, {size(compressed)} compressed, {plain} uncompressed, {index}"


def _show_findings(console: Console, footer: Footer, *, whole: bool) -> None:
    total = footer.reading.findings_total
    if not total:
        return
    gap(console)
    say(console, f"{plural(total, 'finding')} of the decoder:", "bold")
    shown = footer.findings[: _MOST_LINES if whole else _MOST_FINDINGS]
    facts(console, ((byte_range(one.start, one.end), _finding(one)) for one in shown))
    _more(console, total - len(shown), "finding")


def _finding(finding: Finding) -> Text:
    where = f"{finding.path}: " if finding.path else ""
    return Text(visible(f"{where}{finding.message}"), style="yellow")


def _more(console: Console, count: int, noun: str) -> None:
    if count > 0:
        line(console, f"and {plural(count, f'more {noun}')}; --all shows more", style="dim")
