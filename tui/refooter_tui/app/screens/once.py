"""A screen that is answered once."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete

from refooter_tui.app.screens.steady import Steady

Answer = TypeVar("Answer")


class Once(Steady[Answer]):
    """Textual pops whatever is on top for a second `dismiss`: of two keys that both answer, typed faster than the screen goes, the
    second would close what lies beneath, or end the app."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_active else AwaitComplete()
