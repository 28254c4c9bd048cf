"""Who decides: a target parser with a name, a version and a judge, run in worker processes that may be lost.

Importing this imports no parser: only the workers do.
"""

from typing import TYPE_CHECKING, Any

from refooter.target.target import ARROW_57, Target

if TYPE_CHECKING:
    from refooter.target.workers import Judges

__all__ = ["ARROW_57", "Judges", "Target"]


def __getattr__(name: str) -> Any:
    # The workers come by here too, and need neither asyncio nor subprocess: without, one starts a third faster.
    if name == "Judges":
        from refooter.target.workers import Judges

        return Judges
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
