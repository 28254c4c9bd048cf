"""What the command palette offers: every action that has a key, under its pane, and a few that have none."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from textual.app import SystemCommand
from textual.binding import Binding
from textual.widget import Widget

from refooter_tui.app.frame import Frame
from refooter_tui.app.keymap import key_for

if TYPE_CHECKING:
    from refooter_tui.app.keys import Keys

# What nobody looks up by name: one is faster at the key itself.
_UNNAMED: Final = ("move.", "pane.", "palette")


def palette_commands(app: Keys, panes: Sequence[tuple[str, Widget]]) -> Iterator[SystemCommand]:
    """`panes`: those whose own keys are offered, with their titles."""
    for title, help_text, action in _WITHOUT_KEYS:
        yield SystemCommand(title, help_text, _run(app, action, None))
    yield from _of("", (*app.BINDINGS, *Frame.BINDINGS), app, None)
    for title, pane in panes:
        yield from _of(f"{title}: ", pane.BINDINGS, app, pane)


_WITHOUT_KEYS: Final = (
    ("Judge every entry", "reads and judges the whole lake, however large it is", "scan_all"),
    ("Judge every entry, and look for each file", "one request to the object store an entry", "scan_deep"),
    ("Verify against the object store", "compares the selection, or every entry, with the files' own footers", "verify_store"),
    ("Select all of this status", "whatever the filter shows", "select_alike('status')"),
    ("Select all of this cause", "whatever the filter shows", "select_alike('cause')"),
    ("Select all of this view", "whatever the filter shows", "select_alike('view')"),
    ("Migrate every entry", "a plan for the whole lake", "migrate_all"),
    ("Roll back the newest run", "asks first", "rollback_newest"),
    ("Theme", "another set of colours", "change_theme"),
    ("Screenshot", "saves the screen as an SVG file", "screenshot"),
)  # fmt: skip


def _of(prefix: str, bindings: Iterable[object], app: Keys, pane: Widget | None) -> Iterator[SystemCommand]:
    for binding in bindings:
        if not isinstance(binding, Binding) or not binding.description:
            continue
        if binding.id is None or binding.id.startswith(_UNNAMED):
            continue
        yield SystemCommand(f"{prefix}{binding.description}", key_for(app, binding.id), _run(app, binding.action, pane))


def _run(app: Keys, action: str, pane: Widget | None) -> Callable[[], Coroutine[Any, Any, None]]:
    async def run() -> None:
        if pane is not None and pane.focusable:
            pane.focus()
        await app.run_action(action, pane or app)

    return run
