"""The schema of a footer as people read it: names, types, repetition and levels of every element, leaf or group.

parquet.thrift flattens the tree, depth first, into a list in which every group says how many children follow. It stays a
list here, with each element's place in the tree, since hostile bytes may nest as deep as they are long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from refooter.parquet.column_type import ColumnType, Kind, column_type
from refooter.parquet.escape import escaped
from refooter.parquet.findings import FindingKind, Findings
from refooter.parquet.structs import FIELD_REPETITION_TYPE, FILE_META_DATA, SCHEMA_ELEMENT
from refooter.parquet.thrift import List, Struct


@dataclass(frozen=True, slots=True)
class Element:
    """One SchemaElement at its place.

    `index` is its position in the list, where all that is below it follows up to, but without, `last`. `parent` is -1 for
    the root. `column` is the position among the leaves, `None` for a group. `repetition` is a name of
    FieldRepetitionType, `None` where it is not said, as for the root. The levels are those of the values in its pages.
    """

    index: int
    last: int
    parent: int
    depth: int
    name: str
    type: ColumnType
    repetition: str | None
    field_id: int | None
    column: int | None
    max_definition_level: int
    max_repetition_level: int
    start: int
    end: int


UNTYPED = ColumnType(None, Kind.UNKNOWN)


@dataclass(frozen=True)
class Schema:
    """All elements, the root first, and the positions of the leaves: column i of a row group is `leaves[i]`."""

    elements: tuple[Element, ...]

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """The elements that have data, by position."""
        return tuple([element.index for element in self.elements if element.column is not None])

    def leaf(self, column: int) -> Element | None:
        """The element of the column at that position, `None` where the schema has no so many."""
        return self.elements[self.leaves[column]] if 0 <= column < len(self.leaves) else None

    def children(self, index: int) -> tuple[Element, ...]:
        """The elements directly below one."""
        found = []
        at, last = index + 1, self.elements[index].last
        while at < last:
            found.append(self.elements[at])
            at = self.elements[at].last
        return tuple(found)

    def path(self, index: int) -> tuple[str, ...]:
        """The names that lead to an element, the root's left out, as `path_in_schema` has it."""
        names = []
        while index > 0:
            names.append(self.elements[index].name)
            index = self.elements[index].parent
        return tuple(reversed(names))


def read_schema_tree(root: Struct, findings: Findings) -> Schema:
    """The schema of a FileMetaData; adds where the elements are not one tree."""
    found = root.value(_SCHEMA)
    listed = found.values if isinstance(found, List) else []
    elements = [element for element in listed if isinstance(element, Struct)]
    children = [_children(element) for element in elements]
    parents, lasts, orphan, unfilled = _places(children)
    if isinstance(found, List) and not elements:
        findings.add(FindingKind.SCHEMA, "the schema has no root", _PATH, found.start, found.end)
    if orphan is not None:
        beyond = elements[orphan]
        message = "the schema is complete before this element, which therefore belongs to no group"
        findings.add(FindingKind.SCHEMA, message, (_PATH, orphan), beyond.start, beyond.end)
    for index, missing in unfilled:
        message = f"the group announces {missing:,} more children than the schema has elements"
        findings.add(FindingKind.SCHEMA, message, (_PATH, index), elements[index].start, elements[index].end)
    made: list[Element] = []
    columns = 0
    for index, element in enumerate(elements):
        parent = parents[index]
        leaf = index > 0 and lasts[index] == index + 1 and not children[index]
        made.append(_element(element, index, lasts[index], made[parent] if index else None, columns if leaf else None))
        columns += leaf
        if leaf and made[-1].type.physical is None:
            findings.add(FindingKind.SCHEMA, _NEITHER, (_PATH, index), element.start, element.end)
    return Schema(tuple(made))


_SCHEMA = FILE_META_DATA.id("schema")
_PATH = (None, "schema")
_NEITHER = "the element has neither a physical type nor children"
_TYPE, _REPETITION, _NAME, _NUM_CHILDREN, _FIELD_ID = (
    SCHEMA_ELEMENT.id(name) for name in ("type", "repetition_type", "name", "num_children", "field_id")
)


def _children(element: Struct) -> int:
    number = element.value(_NUM_CHILDREN)
    return number if isinstance(number, int) and number > 0 else 0


def _places(children: list[int]) -> tuple[list[int], list[int], int | None, list[tuple[int, int]]]:
    """Parents and ends of all elements, the first that belongs to no group, and the groups that lack so many children.

    `children` is what each element announces. What belongs to no group is put below the root, so that it is shown.
    """
    parents: list[int] = []
    lasts = [len(children)] * len(children)
    orphan = None
    open_groups: list[list[int]] = []  # of position and children still to come
    for index, announced in enumerate(children):
        while open_groups and not open_groups[-1][1]:
            lasts[open_groups.pop()[0]] = index
        if open_groups:
            open_groups[-1][1] -= 1
            parents.append(open_groups[-1][0])
        else:
            parents.append(0 if index else -1)
            orphan = index if index and orphan is None else orphan
        if announced:
            open_groups.append([index, announced])
        else:
            lasts[index] = index + 1
    if children:
        lasts[0] = len(children)
    return parents, lasts, orphan, [(index, missing) for index, missing in open_groups if missing]


def _element(element: Struct, index: int, last: int, parent: Element | None, column: int | None) -> Element:
    number = element.value(_REPETITION)
    repetition = FIELD_REPETITION_TYPE.names.get(number, str(number)) if isinstance(number, int) else None
    name, field_id = element.value(_NAME), element.value(_FIELD_ID)
    definition = repetition_level = 0
    if parent is not None:
        definition = parent.max_definition_level + (repetition in ("OPTIONAL", "REPEATED"))
        repetition_level = parent.max_repetition_level + (repetition == "REPEATED")
    return Element(
        index,
        last,
        -1 if parent is None else parent.index,
        0 if parent is None else parent.depth + 1,
        escaped(name) if isinstance(name, bytes) else "",
        column_type(element),
        repetition,
        field_id if isinstance(field_id, int) else None,
        column,
        definition,
        repetition_level,
        element.start,
        element.end,
    )
