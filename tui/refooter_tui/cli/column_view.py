"""Column chunks with their statistics, and the pages that the page index tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console

from refooter_tui.cli.hex_view import byte_range
from refooter_tui.cli.render import gap, line, number, plural, say, table
from refooter_tui.text import visible

if TYPE_CHECKING:
    from refooter.jobs.inspect import Inspection
    from refooter.parquet.footer import Chunk, Footer, Range, RowGroup
    from refooter.parquet.page_index import Page, PageIndex
    from refooter.parquet.statistics import Bound, ColumnStatistics

_MOST_ROW_GROUPS: Final = 2
_MOST_CHUNKS: Final = 64
_MOST_INDEXES: Final = 12
_MOST_PAGES: Final = 8
_MOST_LINES: Final = 1000


def show_columns(console: Console, footer: Footer | None, *, whole: bool) -> None:
    """A row group's chunks in two tables: what is in them, and where and how it is stored."""
    if footer is None or not footer.row_groups:
        gap(console)
        say(console, "There are no column chunks that could be read.", "bold")
        return
    groups = footer.row_groups[: _MOST_LINES if whole else _MOST_ROW_GROUPS]
    for group in groups:
        chunks = group.some_columns(0, _MOST_LINES if whole else _MOST_CHUNKS)
        gap(console)
        rows = "an unknown number of rows" if group.num_rows is None else plural(group.num_rows, "row")
        sorting = f", sorted by {', '.join(group.sorting[:8])}" if group.sorting else ""
        say(console, f"Row group {group.index}: {rows}, {plural(group.column_count, 'column')}{sorting}.", "bold")
        _show_statistics(console, chunks)
        _show_storage(console, chunks)
        _more(console, group.column_count - len(chunks), "column")
    _more(console, len(footer.row_groups) - len(groups), "row group")


def _show_statistics(console: Console, chunks: tuple[Chunk, ...]) -> None:
    columns = [
        ("column", "fold"),
        ("type", "text"),
        ("values", "number"),
        ("nulls", "number"),
        ("distinct", "number"),
        ("min", "fold"),
        ("max", "fold"),
    ]
    distinct = any(chunk.statistics is not None and chunk.statistics.distinct_count is not None for chunk in chunks)
    if not distinct:
        columns = [column for column in columns if column[0] != "distinct"]
    rows = []
    for chunk in chunks:
        said = chunk.statistics
        low, high = _bounds(said)
        row = [
            chunk.name or f"column {chunk.column}",
            chunk.type.words or chunk.type.physical_words,
            _count(chunk.num_values),
            _count(None if said is None else said.null_count),
            *([_count(None if said is None else said.distinct_count)] if distinct else []),
            low,
            high,
        ]
        rows.append(row)
    table(console, columns, rows)


def _bounds(said: ColumnStatistics | None) -> tuple[str, str]:
    """`(about)`: it need not occur in the data; `(deprecated)`: only the older fields say it."""
    if said is None:
        return "", ""
    if said.min is None and said.max is None:
        return _bound(said.deprecated_min, "(deprecated) "), _bound(said.deprecated_max, "(deprecated) ")
    low = "(about) " if said.min_exact is False else ""
    high = "(about) " if said.max_exact is False else ""
    return _bound(said.min, low), _bound(said.max, high)


def _bound(bound: Bound | None, how: str = "") -> str:
    if bound is None:
        return ""
    problem = "" if bound.problem is None else f" ({bound.problem})"
    return f"{how}{bound.text}{problem}"


def _show_storage(console: Console, chunks: tuple[Chunk, ...]) -> None:
    columns = [
        ("column", "text"),
        ("codec and encodings", "text"),
        ("bytes", "number"),
        ("data at", "number"),
        ("dict. at", "number"),
        ("column index", "number"),
        ("offset index", "number"),
    ]
    bloom = any(chunk.bloom_filter is not None for chunk in chunks)
    rows = []
    for chunk in chunks:
        row = [
            chunk.name or f"column {chunk.column}",
            " ".join([chunk.codec or "?", *chunk.encodings]),
            _count(chunk.total_compressed_size),
            _count(chunk.data_page_offset),
            _count(chunk.dictionary_page_offset),
            _place(chunk.column_index),
            _place(chunk.offset_index),
        ]
        if bloom:
            row.append(_place(chunk.bloom_filter))
        rows.append(row)
    table(console, [*columns, ("bloom filter", "number")] if bloom else columns, rows)


def _place(found: Range | None) -> str:
    if found is None:
        return ""
    offset, length = found
    return number(offset) if length is None else f"{number(offset)} +{number(length)}"


def _count(value: int | None) -> str:
    return "" if value is None else number(value)


def show_pages(console: Console, found: Inspection, *, whole: bool) -> None:
    """The page index, chunk by chunk."""
    gap(console)
    source = found.page_index
    if source.data is None or found.footer is None:
        say(console, f"No page index to show: {source.sentence}.", "bold")
        return
    say(console, f"The page index is {source.sentence}.", "bold")
    most = _MOST_LINES if whole else _MOST_INDEXES
    shown = total = 0
    for group in found.footer.row_groups:
        total += group.column_count
        for chunk in group.some_columns(0, max(0, most - shown)):
            shown += 1
            _show_index(console, group, chunk, source.of(group, chunk), whole=whole)
    _more(console, total - shown, "column chunk")


def _show_index(console: Console, group: RowGroup, chunk: Chunk, index: PageIndex | None, *, whole: bool) -> None:
    gap(console)
    name = chunk.name or f"column {chunk.column}"
    if index is None:
        line(console, f"Row group {group.index}, {name}: no page index", indent=0)
        return
    order = f", {index.boundary_order.lower()}" if index.boundary_order is not None else ""
    line(console, f"Row group {group.index}, {name}: {plural(len(index.pages), 'page')}{order}", indent=0)
    for finding in index.findings[: _MOST_LINES if whole else 3]:
        where = byte_range(finding.start, finding.end) + "  " if finding.end else ""
        say(console, visible(f"  {where}{finding.path}: {finding.message}"), "yellow")
    pages = index.pages[: _MOST_LINES if whole else _MOST_PAGES]
    columns = [
        ("page", "number"),
        ("first row", "number"),
        ("rows", "number"),
        ("at byte", "number"),
        ("bytes", "number"),
        ("nulls", "number"),
        ("min", "fold"),
        ("max", "fold"),
    ]
    table(console, columns, (_page(page) for page in pages))
    _more(console, len(index.pages) - len(pages), "page")


def _page(page: Page) -> list[str]:
    low, high = ("all null", "") if page.null_page else (_bound(page.min), _bound(page.max))
    return [
        number(page.index),
        _count(page.first_row),
        _count(page.rows),
        _count(page.offset),
        _count(page.size),
        _count(page.null_count),
        low,
        high,
    ]


def _more(console: Console, count: int, noun: str) -> None:
    if count > 0:
        line(console, f"and {plural(count, f'more {noun}')}; --all shows more", style="dim")
