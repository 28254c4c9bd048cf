"""Every sentence that the program's source can say when something is wrong, found by reading the source."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import refooter
import refooter_tui

# Which argument of a call is the sentence, for what is no `RefooterError`; -1 is the keyword `sentence`, else the last one.
OTHERS: Final = {
    "Fault": 1,
    "NotStored": 0,
    "NotAValue": 0,
    "ArgumentTypeError": 0,
    "Notice": 1,
    "Problem": 2,
    "Settled": -1,
    "_not_parquet": 0,
    "error": 0,
}
_MOST: Final = 64


@dataclass(frozen=True)
class Sentence:
    """`kind` is the class or function that is given it. What a run fills in stands in guillemets."""

    kind: str
    text: str
    where: str

    @property
    def own(self) -> str:
        """What of it stands in the source."""
        return re.sub("‹[^›]*›", "", self.text)


def sentences(errors: set[str]) -> list[Sentence]:
    """Of both packages; `errors` are names of classes whose first argument is a sentence."""
    trees = {}
    for package in (refooter, refooter_tui):
        [root] = package.__path__
        for file in sorted(Path(root).rglob("*.py")):
            trees[f"{Path(root).name}/{file.relative_to(root)}"] = ast.parse(file.read_text("utf-8"))
    # constants that one module takes from another
    shared = {
        name: values for tree in trees.values() for name, values in _assigned(tree.body).items() if name.isupper()
    }
    return [one for where, tree in trees.items() for one in _Reader(tree, where, errors, shared).read()]


class _Reader:
    def __init__(self, tree: ast.Module, where: str, errors: set[str], shared: dict[str, list[ast.expr]]) -> None:
        self._tree = tree
        self._where = where
        self._errors = errors
        self._names = {**shared, **_assigned(tree.body), **_returned(tree)}

    def read(self) -> list[Sentence]:
        return list(self._of(self._tree, self._names))

    def _of(self, node: ast.AST, names: dict[str, list[ast.expr]]) -> Iterator[Sentence]:
        for child in ast.iter_child_nodes(node):
            inner = names
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = {**names, **_assigned(list(_statements(child)))}
            if isinstance(child, ast.Call):
                yield from self._call(child, names)
            if isinstance(child, ast.Call | ast.Tuple):
                yield from self._reasons(child, names)
            yield from self._of(child, inner)

    def _reasons(self, node: ast.Call | ast.Tuple, names: dict[str, list[ast.expr]]) -> Iterator[Sentence]:
        """What stands behind a reason code says why an entry was not mended."""
        parts = node.args if isinstance(node, ast.Call) else node.elts
        for code, said in itertools.pairwise(parts):
            if _is_reason(code) and not _is_reason(said):
                for text in dict.fromkeys(_written(said, names)):
                    yield Sentence("Reason", text, f"{self._where}:{node.lineno}")

    def _call(self, call: ast.Call, names: dict[str, list[ast.expr]]) -> Iterator[Sentence]:
        kind = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if kind in self._errors and kind not in OTHERS:
            said = call.args[0] if call.args else None
        elif kind in OTHERS and not (kind == "error" and not _is_self(call.func)):
            at = OTHERS[kind]
            keyword = next((one.value for one in call.keywords if one.arg == "sentence"), None)
            said = keyword or (call.args[at] if at >= 0 and len(call.args) > at else None)
        else:
            return
        if said is None:
            return
        for text in dict.fromkeys(_written(said, names)):
            if text not in ("", "‹None›"):
                yield Sentence(kind, text, f"{self._where}:{call.lineno}")


def _is_reason(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"


def _is_self(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"


def _statements(function: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.walk(function):
        if isinstance(node, ast.stmt):
            yield node


def _assigned(body: list[ast.stmt]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for one in body:
        if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
            found.setdefault(one.targets[0].id, []).append(one.value)
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value is not None:
            found.setdefault(one.target.id, []).append(one.value)
    return found


def _returned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What the module's own functions return, as far as it is text, by `name()`."""
    found: dict[str, list[ast.expr]] = {}
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            returned = [
                one.value for one in ast.walk(function) if isinstance(one, ast.Return) and one.value is not None
            ]
            found[f"{function.name}()"] = [one for one in returned if _is_text(one)]
    return found


def _written(node: ast.expr, names: dict[str, list[ast.expr]], depth: int = 0) -> list[str]:
    """Everything that an expression can come to, as far as the source says it."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr(values=parts):
            options = [_written(part, names, depth) for part in parts]
            return ["".join(some) for some in itertools.islice(itertools.product(*options), _MOST)]
        case ast.FormattedValue(value=value, conversion=conversion):
            found = _written(value, names, depth)
            return [f"'{one}'" for one in found] if conversion == ord("r") else found
        case ast.IfExp(body=body, orelse=other):
            return _written(body, names, depth) + _written(other, names, depth)
        case ast.BoolOp(op=ast.Or(), values=values):
            return [text for value in values for text in _written(value, names, depth)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in _written(left, names, depth) for b in _written(right, names, depth)]
        case ast.Call(func=ast.Attribute(value=value, attr="format")):
            return [re.sub(r"\{[^}]*\}", "‹...›", text) for text in _written(value, names, depth)]
        case ast.Call(func=ast.Name(id=name)) if depth < 3 and names.get(f"{name}()"):
            return [text for one in names[f"{name}()"] for text in _written(one, names, depth + 1)]
        case ast.Name(id=name) if depth < 3 and any(map(_is_text, names.get(name, []))):
            return [text for one in names[name] for text in _written(one, names, depth + 1)]
    return [f"‹{ast.unparse(node)}›"]


def _is_text(node: ast.expr) -> bool:
    """Whether a name's value is worth writing out."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.IfExp(body=body, orelse=other):
            return _is_text(body) or _is_text(other)
        case ast.BinOp(left=left):
            return _is_text(left)
    return False
