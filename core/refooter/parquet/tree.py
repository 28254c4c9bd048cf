"""A decoded struct as a tree of named, typed nodes, each made when somebody looks at it.

A tree of Thrift values holds ids and wire types; its nodes put the declarations of `structs` beside them. Making nodes
for a large footer at once would cost more than decoding it, and a screen shows a few dozen at a time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from refooter.parquet.escape import escaped, hexadecimal
from refooter.parquet.structs import ENUMS, STRUCTS, StructSpec, element_type, wire_of
from refooter.parquet.thrift import Field, List, Map, Struct, Value, Wire

_WIRE_NAMES: Final = {
    Wire.STOP: "nothing",
    Wire.TRUE: "bool",
    Wire.FALSE: "bool",
    Wire.BYTE: "i8",
    Wire.I16: "i16",
    Wire.I32: "i32",
    Wire.I64: "i64",
    Wire.DOUBLE: "double",
    Wire.BINARY: "binary",
    Wire.LIST: "list",
    Wire.SET: "set",
    Wire.MAP: "map",
    Wire.STRUCT: "struct",
    Wire.UUID: "uuid",
}


def wire_name(wire: Wire) -> str:
    """A wire type as parquet.thrift would spell it."""
    return _WIRE_NAMES[wire]


def written_as_declared(declared: str, wire: Wire, value: Value) -> bool:
    """Whether a value has the wire type of its declared type, and a list that has elements those of its elements."""
    expected = wire_of(declared)
    if expected is Wire.TRUE:
        return wire in (Wire.TRUE, Wire.FALSE)
    if expected is not wire:
        return False
    if isinstance(value, List) and value.values:
        element = wire_of(element_type(declared))
        return value.element is element or (element is Wire.TRUE and value.element is Wire.FALSE)
    return True


def spelled_type(wire: Wire, value: Value) -> str:
    """The type of a value as its bytes have it: what is said of a field that is not declared, or not as declared."""
    if isinstance(value, List):
        return f"{wire_name(wire)}<{wire_name(value.element)}>"
    if isinstance(value, Map):
        return f"map<{wire_name(value.key)},{wire_name(value.element)}>"
    return wire_name(wire)


@dataclass(frozen=True, slots=True)
class Node:
    """One value with its name and type.

    `type` is the declared one where the value is written so, else how it is written (`spelled_type`), and then
    `declared` is false. A field's bytes are `[start, end)` of what was decoded, of which `[value_start, end)` hold the
    value; an element of a list has no header of its own. `id` is the field's, `None` for the root and for elements.
    `path` leads to it from the root, such as `row_groups[0].columns[3].meta_data.codec`.
    """

    name: str
    path: str
    type: str
    declared: bool
    id: int | None
    start: int
    value_start: int
    end: int
    value: Value

    @property
    def struct(self) -> StructSpec | None:
        """The declaration of a struct or union, `None` for other values and for a struct that is not declared."""
        return STRUCTS.get(self.type) if isinstance(self.value, Struct) else None

    @property
    def text(self) -> str:
        """The value in words: a number, an enum's name, text with escapes, bytes in hexadecimal, or how many parts."""
        value = self.value
        if isinstance(value, Struct):
            spec = self.struct
            if spec is not None and spec.union:
                return " and ".join([_field_name(spec, item) for item in value.fields[:3]]) or "no member"
            return _count(len(value.fields), "field")
        if isinstance(value, List):
            announced = "" if value.announced <= len(value.values) else f" of {value.announced:,} announced"
            return _count(len(value.values), "element") + announced
        if isinstance(value, Map):
            return _count(len(value.items), "item")
        if isinstance(value, bytes):
            return hexadecimal(value) if self.declared and self.type == "binary" else escaped(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        enum = ENUMS.get(self.type)
        if enum is not None and isinstance(value, int):
            return enum.names.get(value, f"{value} (unknown)")
        return str(value)

    @property
    def child_count(self) -> int:
        """How many children there are, without making them."""
        value = self.value
        if isinstance(value, Struct):
            return len(value.fields)
        if isinstance(value, List):
            return len(value.values)
        return 2 * len(value.items) if isinstance(value, Map) else 0

    @property
    def children(self) -> tuple[Node, ...]:
        """A struct's fields, a list's elements, a map's keys and values in turn, in the order of their bytes."""
        return self.some_children(0, self.child_count)

    def some_children(self, first: int, last: int) -> tuple[Node, ...]:
        """The children of `[first, last)`, for lists that nobody wants as a whole."""
        value = self.value
        positions = range(*slice(first, last).indices(self.child_count))
        if isinstance(value, Struct):
            return tuple([self._field(value.fields[position]) for position in positions])
        if isinstance(value, List):
            return tuple([self._element(value, position) for position in positions])
        return tuple([self._item(value, position) for position in positions]) if isinstance(value, Map) else ()

    def child(self, name: str) -> Node | None:
        """The child of that name; of several fields with one name the last, as readers take it."""
        value = self.value
        if isinstance(value, Struct):
            spec = self.struct
            for item in reversed(value.fields):
                if _field_name(spec, item) == name:
                    return self._field(item)
            return None
        index = re.fullmatch(r"\[(\d{1,9})\]", name)
        if index is None or int(index[1]) >= self.child_count:
            return None
        return self.some_children(int(index[1]), int(index[1]) + 1)[0]

    def find(self, path: str) -> Node | None:
        """The node below this one of that path relative to it; itself for an empty path."""
        node: Node | None = self
        for name in _STEP.findall(path):
            node = None if node is None else node.child(name)
        return node

    def at(self, offset: int) -> Node:
        """The innermost node whose bytes hold that one, or this one where none below does."""
        node = self
        while (inner := node._child_at(offset)) is not None:
            node = inner
        return node

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of their bytes."""
        waiting = [iter((self,))]
        while waiting:
            node = next(waiting[-1], None)
            if node is None:
                waiting.pop()
                continue
            yield node
            if node.child_count:
                waiting.append(iter(node.children))

    def _child_at(self, offset: int) -> Node | None:
        value = self.value
        if isinstance(value, Struct):
            position = bisect_right(value.fields, offset, key=lambda item: item.start) - 1
        elif isinstance(value, List | Map):
            position = bisect_right(value.starts, offset) - 1
        else:
            return None
        if not 0 <= position < self.child_count:
            return None
        [found] = self.some_children(position, position + 1)
        return found if found.start <= offset < found.end else None

    def _field(self, item: Field) -> Node:
        spec = self.struct
        declared = None if spec is None else spec.field(item.id)
        name = _field_name(spec, item)
        path = f"{self.path}.{name}" if self.path else name
        as_declared = declared is not None and written_as_declared(declared.type, item.wire, item.value)
        type = declared.type if declared is not None and as_declared else spelled_type(item.wire, item.value)
        return Node(name, path, type, as_declared, item.id, item.start, item.value_start, item.end, item.value)

    def _element(self, parent: List, position: int) -> Node:
        value = parent.values[position]
        start, end = parent.span(position)
        declared = self.declared and self.type.startswith("list<")
        type = element_type(self.type) if declared else spelled_type(parent.element, value)
        return Node(f"[{position}]", f"{self.path}[{position}]", type, declared, None, start, start, end, value)

    def _item(self, parent: Map, position: int) -> Node:
        pair, of = divmod(position, 2)
        value = parent.items[pair][of]
        start = parent.starts[position]
        end = parent.starts[position + 1] if position + 1 < len(parent.starts) else parent.end
        type = spelled_type((parent.key, parent.element)[of], value)
        return Node(f"[{position}]", f"{self.path}[{position}]", type, False, None, start, start, end, value)


def root_node(root: Struct, spec: StructSpec) -> Node:
    """The node of a struct that was decoded by itself. Its path is empty."""
    return Node(spec.name, "", spec.name, True, None, root.start, root.start, root.end, root)


_STEP: Final = re.compile(r"\[\d+\]|[^.\[\]]+")


def _field_name(spec: StructSpec | None, item: Field) -> str:
    declared = None if spec is None else spec.field(item.id)
    return f"field_{item.id}" if declared is None else declared.name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
