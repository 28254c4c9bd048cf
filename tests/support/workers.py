"""Workers that outlive a command: starting them is most of what a short command takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from refooter.jobs.lake import Session
from refooter.settings import Settings


@contextmanager
def shared_workers(dsn: str = "") -> Iterator[None]:
    """Within, every session judges by the same two workers, whatever its settings say."""
    with Session(Settings(dsn=dsn, workers=2)) as started, pytest.MonkeyPatch.context() as patch:

        def enter(session: Session) -> Session:
            session.judges = started.judges
            return session

        def leave(session: Session, *error: object) -> None:
            assert session.judges is started.judges

        patch.setattr(Session, "__enter__", enter)
        patch.setattr(Session, "__exit__", leave)
        yield
