"""The line at the bottom: what the focused pane's keys do, then everybody's. Whole items only, in as many columns as there are."""

from __future__ import annotations

from typing import Any, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import App
from textual.binding import ActiveBinding
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted

_LAST: Final = ("help",)
# So many of the focused pane's keys come before those that hold everywhere.
_OWN_FIRST: Final = 3
Key = tuple[str, str, str, bool]
"""The key as bindings name it, as it is shown, what it does, and whether it would do it now."""


class KeysLine(Painted):
    """Painted in one piece: a widget a key would be made anew with every change of the focus. A click presses the key."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeysLine { dock: bottom; height: 1; background: $footer-background; color: $footer-foreground; }
    """

    keys: reactive[tuple[Key, ...]] = reactive((), layout=False)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[range, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[Any]) -> None:
        if self.is_attached and screen is self.screen:
            self.keys = keys_of(self.app, screen.active_bindings)

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        width = self.size.width
        self._places = []
        last = self.keys[-1:]
        room = width - sum(_width(key) for key in last)
        segments: list[Segment] = []
        used = 0
        for key in self.keys[:-1]:
            if used + _width(key) > room:
                break
            segments += self._item(key, used)
            used += _width(key)
        segments.append(Segment(" " * (room - used)))
        for key in last:
            segments += self._item(key, room)
        return Strip(Segment.apply_style(segments, palette.base)).adjust_cell_length(width, palette.base)

    def _item(self, key: Key, start: int) -> list[Segment]:
        palette = self.palette
        name, shown, does, enabled = key
        self._places.append((range(start, start + _width(key)), name))
        if not enabled:
            return [Segment(f" {shown} {does} ", palette.faded)]
        return [Segment(f" {shown}", palette.accent), Segment(f" {does} ", palette.muted)]

    def on_click(self, event: events.Click) -> None:
        event.stop()
        name = next((name for cells, name in self._places if event.x in cells), None)
        if name is not None:
            self.app.simulate_key(name)


def keys_of(app: App[Any], bindings: dict[str, ActiveBinding]) -> tuple[Key, ...]:
    """What is to be shown of the bindings that hold now, the more important first: one key an action, the shortest; help last."""
    own: dict[str, Key] = {}
    everywhere: dict[str, Key] = {}
    for active in bindings.values():
        binding = active.binding
        if not binding.show or not binding.description:
            continue
        found = everywhere if active.node is app else own
        key = (binding.key, app.get_key_display(binding), binding.description.lower(), active.enabled)
        known = found.get(binding.action)
        if known is None or len(key[1]) < len(known[1]):
            found[binding.action] = key
    last = [everywhere.pop(action) for action in _LAST if action in everywhere]
    first = list(own.values())
    return (*first[:_OWN_FIRST], *everywhere.values(), *first[_OWN_FIRST:], *last)


def _width(key: Key) -> int:
    return cell_len(key[1]) + cell_len(key[2]) + 3
