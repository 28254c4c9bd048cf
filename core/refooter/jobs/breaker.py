"""The circuit breaker: many failures of the same world in a row are not the entries' fault (safety 17)."""

from __future__ import annotations

from typing import Generic, TypeVar

from refooter.errors import RunStopped

A = TypeVar("A")

TRIPS_AT = 50


class BreakerTripped(RunStopped):
    """A run stopped itself: what it could not reach counts as not attempted."""

    code = "circuit_breaker"


class Breaker(Generic[A]):
    """Holds failures back until something else succeeds: then they were the entries', and count. Before that they may be the
    first of a million, and are forgotten when it trips."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._held: list[A] = []

    def failed(self, item: A, sentence: str) -> None:
        """Raises `BreakerTripped` with the last failure's sentence at the `TRIPS_AT`th in a row."""
        self._held.append(item)
        if len(self._held) >= TRIPS_AT:
            self._held.clear()
            raise BreakerTripped(
                f"stopped after {TRIPS_AT} failures in a row of {self._what}: {sentence}; see to it, then run again"
            )

    def release(self) -> list[A]:
        """Something else came out, or the run is over: those held so far are to be recorded."""
        held, self._held = self._held, []
        return held
