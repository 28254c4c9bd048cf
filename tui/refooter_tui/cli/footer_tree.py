"""The decoded footer as a tree, each part with the bytes that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from refooter.errors import UsageError
from refooter_tui.cli.hex_view import byte_range
from refooter_tui.cli.render import line, number, say
from refooter_tui.text import visible

if TYPE_CHECKING:
    from refooter.parquet.footer import Footer
    from refooter.parquet.tree import Node

_DEPTH: Final = 2
_DEPTH_BELOW: Final = 3
_MOST_CHILDREN: Final = 8
_MOST_CHILDREN_WHOLE: Final = 1000
_MOST_ROWS: Final = 20_000
_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Row:
    """A node at its depth, or, without one, how many of the children at this depth are left out of the list `path`."""

    depth: int
    node: Node | None
    left_out: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """What is to be shown: rows from the top, and by path what the decoder found odd."""

    rows: tuple[Row, ...]
    odd: dict[str, str]

    @classmethod
    def of(cls, footer: Footer | None, path: str | None, *, whole: bool) -> Tree:
        """The part of that path, all of it for none. Raises `UsageError` where there is no such part."""
        if footer is None:
            if path:
                raise UsageError(f"nothing of the value can be read as a footer, so there is no {path!r} in it")
            return cls((), {})
        node = footer.root.find(path or "")
        if node is None:
            raise UsageError(f"there is no {path!r} in the footer: {_nearest(footer.root, path or '')}")
        depth = _DEEPEST if whole else _DEPTH_BELOW if path else _DEPTH
        rows: list[Row] = []
        for row in _rows(node, depth, _MOST_CHILDREN_WHOLE if whole else _MOST_CHILDREN):
            if len(rows) >= _MOST_ROWS:
                break
            rows.append(row)
        odd: dict[str, str] = {}
        for finding in footer.findings:
            odd.setdefault(finding.path, finding.message)
        return cls(tuple(rows), odd)

    def fields(self) -> list[dict[str, Any]]:
        """The rows for JSON."""
        return [
            {
                "path": row.node.path,
                "depth": row.depth,
                "type": row.node.type,
                "start": row.node.start,
                "end": row.node.end,
                "text": row.node.text,
                "children": row.node.child_count,
            }
            for row in self.rows
            if row.node is not None
        ]

    def show(self, console: Console) -> None:
        """Prints it, a line for each part; on a terminal none is longer than a line."""
        if not self.rows:
            say(console, "No part of the value can be read as a footer.", "bold")
            return
        wide = max(len(byte_range(row.node.start, row.node.end)) for row in self.rows if row.node is not None)
        for row in self.rows:
            text = self._left_out(row, wide) if row.node is None else self._node(row, row.node, wide)
            if console.is_terminal:
                text.truncate(console.width, overflow="ellipsis")
            line(console, text, indent=0)

    def _node(self, row: Row, node: Node, wide: int) -> Text:
        said = Text(f"{byte_range(node.start, node.end):>{wide}}  ", style="dim")
        said.append("  " * row.depth)
        said.append(visible(node.name), style="bold not dim")
        said.append(visible(f": {node.type}"))
        said.append(visible(f" = {node.text}{_called(node)}"), style="not dim")
        odd = self.odd.get(node.path)
        if odd is not None:
            said.append(visible(f"  ! {odd}"), style="yellow not dim")
        return said

    def _left_out(self, row: Row, wide: int) -> Text:
        more = (
            f"... {number(row.left_out)} more: --tree '{row.path}' --all"
            if row.path
            else f"... {number(row.left_out)} more: --all"
        )
        return Text(f"{'':>{wide}}  {'  ' * row.depth}{visible(more)}", style="dim")


_NAMES: Final = {"SchemaElement": "name", "KeyValue": "key", "ColumnChunk": "meta_data.path_in_schema"}


def _called(node: Node) -> str:
    """The name by which people know a part that is only a number in its list."""
    found = node.find(_NAMES[node.type]) if node.type in _NAMES else None
    if found is None:
        return ""
    parts = found.some_children(0, 8) if found.child_count else (found,)
    return f", {'.'.join(part.text for part in parts)}"


def _rows(top: Node, depth: int, most: int) -> Iterator[Row]:
    waiting = [Row(0, top)]
    while waiting:
        row = waiting.pop()
        yield row
        node = row.node
        if node is None or row.depth >= depth:
            continue
        shown = [
            Row(row.depth + 1, child)
            for child in node.some_children(0, most if _is_list(node) else _MOST_CHILDREN_WHOLE)
        ]
        if node.child_count > len(shown):
            shown.append(Row(row.depth + 1, None, node.child_count - len(shown), node.path))
        waiting += reversed(shown)


def _is_list(node: Node) -> bool:
    return not node.path or node.type.startswith(("list<", "set<", "map<"))


def _nearest(root: Node, path: str) -> str:
    """How far the path leads, and what there is."""
    parts = path.replace("[", ".[").strip(".").split(".")
    node = root
    for part in parts:
        inner = node.child(part)
        if inner is None:
            break
        node = inner
    where = node.path or "the footer"
    names = [child.name for child in node.some_children(0, 12)]
    if not names:
        return f"{where} has no parts"
    more = ", ..." if node.child_count > len(names) else ""
    return f"{where} has {', '.join(names)}{more}"
