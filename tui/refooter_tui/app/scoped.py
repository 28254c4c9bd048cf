"""Which entries something is about: frozen when it was asked for, in words, as the engine takes them, and as a shell would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refooter.catalog.selection import Selection as CatalogSelection
from refooter.catalog.selection import View
from refooter_tui.app.command import option, scope_words
from refooter_tui.app.engine import Scope
from refooter_tui.app.lake_view import LakeView
from refooter_tui.cli.render import entries
from refooter_tui.model.columns import Int32s


@dataclass(frozen=True, slots=True, eq=False)
class Scoped:
    """`command`: the options that name them in a shell. `rows`: the rows, if they were picked. `whole`: it is all that there is."""

    what: str
    scope: Scope
    command: tuple[str, ...] = ()
    rows: Int32s | None = None
    whole: bool = False


EVERY_ENTRY = Scoped("every entry", None, whole=True)


def of_rows(lake: LakeView, rows: Int32s, directory: Path) -> Scoped:
    """Picked entries. Of hundreds of thousands it takes long enough to be done in a thread."""
    paths = lake.paths(rows)
    what = paths[0] if len(paths) == 1 else entries(len(paths))
    live = len(lake.table) - lake.table.retired_count
    whole = len(paths) > 1 and len(paths) >= live
    return Scoped(what, paths, tuple(scope_words(paths, directory)), rows.copy(), whole)


def of_view(view: str) -> Scoped:
    """A view set, or one view of it, whatever is in it when it is read."""
    name, _, instance = view.partition("/")
    selection = CatalogSelection(views=(View(name, instance or None),))
    return Scoped(f"view {view}", selection, tuple(option("--view", view)))


def of_run(run_id: int) -> Scoped:
    """All that a run had in hand: the run itself says what that was."""
    return Scoped(f"run {run_id}", None)


def picked(rows: Sequence[int]) -> Int32s:
    """Row ids as the model has them."""
    return np.asarray(rows, np.int32)
