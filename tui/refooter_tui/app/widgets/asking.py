"""What several panes ask of the app in the same words."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class FilterAsked(Message):
    """Show the entries of this term of the filter language, such as `view:blocks/global`."""

    term: str


@dataclass
class CopyAsked(Message):
    """Bring this text to a clipboard; `what` it is, such as `command`."""

    what: str
    text: str
