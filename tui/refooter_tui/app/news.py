"""The engine's words as a message of the app's: posted from the engine's thread, handled in the app's."""

from __future__ import annotations

from textual.message import Message

from refooter_tui.app.messages import EngineMessage


class EngineNews(Message):
    """Something the engine said."""

    def __init__(self, said: EngineMessage) -> None:
        super().__init__()
        self.said = said
