from __future__ import annotations

import pytest

from refooter.errors import RunStopped
from refooter.jobs.breaker import TRIPS_AT, Breaker, BreakerTripped


def test_it_trips_at_the_fiftieth_failure_in_a_row_and_forgets_them() -> None:
    breaker: Breaker[int] = Breaker("the object store")
    for number in range(TRIPS_AT - 1):
        breaker.failed(number, "no answer")
    with pytest.raises(
        BreakerTripped, match="stopped after 50 failures in a row of the object store: access denied"
    ) as tripped:
        breaker.failed(TRIPS_AT, "access denied")
    assert TRIPS_AT == 50
    assert isinstance(tripped.value, RunStopped)
    assert tripped.value.exit_code == 3
    assert breaker.release() == []


def test_failures_count_once_something_else_came_out() -> None:
    breaker: Breaker[int] = Breaker("the database")
    for number in range(TRIPS_AT - 1):
        breaker.failed(number, "no")
    assert breaker.release() == list(range(TRIPS_AT - 1))
    assert breaker.release() == []
    for number in range(TRIPS_AT - 1):
        breaker.failed(number, "no")
    assert len(breaker.release()) == TRIPS_AT - 1
