"""Keys of one's own: which bindings there are, whether what the configuration file's `[keys]` says of them can be, what a key means.

`App.set_keymap` takes what it is given: it ignores ids and keys that do not exist, and a key that was another binding's is
silently taken away from that one. So everything is checked here before. Two more of its ways (Textual 8.2): keys that are given
take the place of all the default ones, and what is looked at in `on_key` never hears of it, which is what `meant` is for.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import combinations
from typing import Any, Final

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, Keys, _character_to_key, format_key, key_to_character
from textual.screen import ModalScreen, Screen

import refooter_tui.app
from refooter.errors import UsageError

# in the order in which Textual names them in a key event
_MODIFIERS: Final = ("alt", "ctrl", "hyper", "meta", "shift", "super")
_NAMED: Final = frozenset(key.value for key in Keys if key.value[0] != "<" and "+" not in key.value) - {
    "return",
    "ctrl-at",
}
# What a terminal sends for these is what it sends for the other key.
_ALIKE: Final = {
    "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape", "return": "enter",
}  # fmt: skip


@cache
def node_classes() -> tuple[type[DOMNode], ...]:
    """All classes of the app that may have bindings: itself, its screens and widgets, whichever module they are in."""
    found: dict[type[DOMNode], None] = {}
    for module in pkgutil.walk_packages(refooter_tui.app.__path__, f"{refooter_tui.app.__name__}."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, DOMNode) and kind.__module__ == module.name:
                found[kind] = None
    return tuple(found)


def own_bindings(kind: type[DOMNode]) -> list[Binding]:
    """What a class itself declares, one for each key."""
    return list(Binding.make_bindings(kind.__dict__.get("BINDINGS", ())))


@cache
def all_bindings() -> Mapping[str, Binding]:
    """By id, with the keys that they have by default, separated by commas; an id that several classes share has the keys of all."""
    found: dict[str, Binding] = {}
    for kind in node_classes():
        for binding in own_bindings(kind):
            if binding.id is not None:
                known = found.setdefault(binding.id, binding)
                keys = [*known.key.split(","), binding.key]
                found[binding.id] = known.with_key(",".join(dict.fromkeys(keys)), known.key_display)
    return found


def checked(keys: Mapping[str, str]) -> dict[str, str]:
    """What `App.set_keymap` may be given: ids that there are, keys as Textual names them in its events.

    Raises `UsageError` for an id or a key that there is not, and for a key that would have to do two things at one place.
    """
    if not keys:
        return {}
    known = all_bindings()
    for name in keys:
        if name not in known:
            close = get_close_matches(name, known, 1, 0.4)
            better = f"did you mean {close[0]!r}?" if close else "the app's help lists them (`?`, then `i`)"
            raise UsageError(f"[keys] knows no {name!r}; {better}")
    found = {name: ",".join(_canonical_keys(name, written)) for name, written in keys.items()}
    for defaults in _places():
        for first, second, key in _clashes(defaults, found):
            raise UsageError(
                f"[keys] {_written(key)!r} would be both {first!r} and {second!r}: give one of them another key"
            )
    return found


def keymap_of(app: App[Any]) -> Mapping[str, str]:
    """The keys that took the place of default ones, by the id of their binding. Textual keeps them and tells nobody."""
    found: Mapping[str, str] = getattr(app, "_keymap", {})
    return found


def meant(screen: Screen[Any], key: str) -> str | None:
    """The id of the binding that a key press means now on a screen, as remapped; `None` if it means nothing.

    For `on_key`: `if meant(self, event.key) == "plan.go"`. Heeds focus and `check_action` as the key itself would.
    """
    found = screen.active_bindings.get(key)
    return None if found is None else found.binding.id


def key_for(app: App[Any], name: str) -> str:
    """How the keys of a binding are written where the app names them, such as `d or enter`."""
    keys = keymap_of(app).get(name) or all_bindings()[name].key
    return " or ".join(spelled(app, key) for key in keys.split(","))


def named(app: App[Any], name: str) -> str:
    """The first of the keys of a binding as a sentence names it, such as `ctrl+r` or `=`."""
    keys = keymap_of(app).get(name) or all_bindings()[name].key
    return _in_words(keys.split(",")[0])


def named_by_default(name: str) -> str:
    """The same where nobody has remapped anything."""
    return _in_words(all_bindings()[name].key.split(",")[0])


def _in_words(key: str) -> str:
    *modifiers, base = key.split("+")
    return "+".join([*modifiers, _written(base)])


def spelled(app: App[Any], key: str) -> str:
    """A key as the footer writes it: `?`, `^t`, `shift+↓`."""
    return app.get_key_display(Binding(key, ""))


def _canonical_keys(name: str, written: str) -> list[str]:
    return list(dict.fromkeys(_canonical(name, key.strip()) for key in written.split(",")))


def _canonical(name: str, written: str) -> str:
    """A key as Textual names it in an event."""
    if not written:
        raise UsageError(f"[keys] {name}: there is no key between two commas; the comma's own name is 'comma'")
    if written == "+" or written.endswith("++"):
        modified, base = written[:-1].rstrip("+"), "+"
    else:
        modified, _, base = written.rpartition("+")
    modifiers = sorted(dict.fromkeys(modified.lower().split("+"))) if modified else []
    base = _base_name(base.lower() if "ctrl" in modifiers else base)
    key = "+".join([*modifiers, base])
    if key in _ALIKE:
        raise UsageError(
            f"[keys] {name}: a terminal sends the same for {written!r} and {_ALIKE[key]!r}: write the latter"
        )
    if modifiers == ["shift"] and len(base) == 1 and base.upper() != base:
        raise UsageError(f"[keys] {name}: {written!r} is what {base.upper()!r} is: write that")
    if not base or not set(modifiers) <= set(_MODIFIERS) or (modifiers == ["shift"] and base not in _NAMED):
        raise UsageError(
            f"[keys] {name}: {written!r} is no key; keys are written as in 'm', 'M', '?', 'f6', 'ctrl+t', 'shift+down'"
        )
    return key


def _base_name(written: str) -> str:
    """Of a key without modifiers; empty if there is no such key."""
    name = written.lower() if len(written) > 1 else written
    if name in _NAMED or name in _ALIKE:
        return name
    character = name if len(name) == 1 else key_to_character(REPLACED_KEYS.get(name, name))
    return _character_to_key(character) if character is not None and character.isprintable() else ""


def _places() -> Iterator[dict[str, frozenset[str]]]:
    """The places where a key has to mean one thing: whoever can have the focus or be the screen, and the parts of a pane, by what
    their ids begin with. Each as the default keys by the id that has them."""
    everywhere: dict[str, frozenset[str]] = {}
    overall: list[type[DOMNode]] = [Screen, *(kind for kind in node_classes() if issubclass(kind, App))]
    for over in overall:
        everywhere = _joined(everywhere, _keys_by_owner(over, with_nameless=True))
    parts: dict[str, dict[str, frozenset[str]]] = {}
    for kind in node_classes():
        own = _keys_by_owner(kind, with_nameless=False)
        # what a pane has for itself takes the key from the app; a modal screen lets none through to it
        yield own if issubclass(kind, ModalScreen) else _joined(own, everywhere)
        for name, keys in own.items():
            part = parts.setdefault(name.partition(".")[0], {})
            part[name] = part.get(name, frozenset()) | keys
    yield from parts.values()


def _joined(*owners: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for one in owners:
        for owner, keys in one.items():
            found[owner] = found.get(owner, frozenset()) | keys
    return found


def _written(key: str) -> str:
    """As people write it: `?` rather than `question_mark`, but `escape` rather than `esc`."""
    return shown if len(shown := format_key(key)) == 1 and key not in _NAMED else key


def _clashes(defaults: Mapping[str, frozenset[str]], keymap: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Two bindings of one place, and the key that would be both, unless they share one by default."""
    now = {owner: frozenset(keymap[owner].split(",")) if owner in keymap else keys for owner, keys in defaults.items()}
    for first, second in combinations(now, 2):
        if (first in keymap or second in keymap) and not defaults[first] & defaults[second]:
            for key in sorted(now[first] & now[second]):
                yield first, second, key


def _keys_by_owner(kind: type[DOMNode], *, with_nameless: bool) -> dict[str, frozenset[str]]:
    """By id, what it has inherited included, as Textual merges it: a key that a class declares is no longer its base's.
    Bindings of Textual's own have no id, and go by their action where they are wanted."""
    by_key: dict[str, list[Binding]] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, DOMNode):
            declared: dict[str, list[Binding]] = {}
            for binding in own_bindings(base):
                declared.setdefault(binding.key, []).append(binding)
            by_key |= declared
    found: dict[str, frozenset[str]] = {}
    for key, bindings in by_key.items():
        for binding in bindings:
            owner = binding.id or (binding.action if with_nameless else "")
            if owner:
                found[owner] = found.get(owner, frozenset()) | {key}
    return found
