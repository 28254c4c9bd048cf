"""What two footers say differently, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from refooter.parquet.footer import Footer
from refooter.parquet.thrift import Struct
from refooter.parquet.tree import Node

MAX_DIFFERENCES: Final = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same: its path, and what it is before and after in words, `None` where it is absent.

    `size` is the bytes that it takes, headers included, where it takes more.
    """

    path: str
    before: str | None
    after: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Differences:
    """The first `MAX_DIFFERENCES` in the order of their bytes, how many there are, and the sum of their sizes in bytes."""

    kept: tuple[Difference, ...]
    total: int
    bytes: int


def compare(before: Footer, before_data: bytes, after: Footer, after_data: bytes) -> Differences:
    """Compares trees, not positions: a number that takes a byte more moves all that follows and changes none of it."""
    kept: list[Difference] = []
    total = size = 0
    for old, new in _unlike(before.root, before_data, after.root, after_data):
        difference = _difference(old, new)
        total += 1
        size += difference.size
        if len(kept) < MAX_DIFFERENCES:
            kept.append(difference)
    return Differences(tuple(kept), total, size)


def _unlike(
    before: Node, before_data: bytes, after: Node, after_data: bytes
) -> Iterator[tuple[Node | None, Node | None]]:
    waiting: list[tuple[Node | None, Node | None]] = [(before, after)]
    while waiting:
        old, new = waiting.pop()
        if old is None or new is None:
            yield old, new
            continue
        # the header of a field says how far it is from the one before: that is no difference of its own
        if before_data[old.value_start : old.end] == after_data[new.value_start : new.end] and (
            old.value_start < old.end or old.value == new.value
        ):
            continue
        if old.child_count and new.child_count and type(old.value) is type(new.value):
            waiting += reversed(list(_pairs(old, new)))
        else:
            yield old, new


def _pairs(old: Node, new: Node) -> Iterator[tuple[Node | None, Node | None]]:
    """Fields by name, elements by position."""
    if not isinstance(old.value, Struct):
        was, now = old.children, new.children
        for index in range(max(len(was), len(now))):
            yield (was[index] if index < len(was) else None), (now[index] if index < len(now) else None)
        return
    named = {node.name: node for node in new.children}
    for node in old.children:
        yield node, named.pop(node.name, None)
    for added in named.values():
        yield None, added


def _difference(old: Node | None, new: Node | None) -> Difference:
    known = old or new
    assert known is not None
    size = max(0 if node is None else max(node.end - node.start, 1) for node in (old, new))
    return Difference(known.path, None if old is None else old.text, None if new is None else new.text, size)
