from __future__ import annotations

import pytest

from refooter.events import Progress
from refooter.jobs import meter as meter_module
from refooter.jobs.meter import Meter


class Clock:
    """Time as a test sets it."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(meter_module, "time", clock)
    return clock


def test_progress_is_said_at_most_four_times_a_second(clock: Clock) -> None:
    meter = Meter(1000)
    said = 0
    for _ in range(100):
        clock.now += 0.02
        said += meter.add(1, {}) is not None
    assert meter.done == 100
    # two seconds; every 13th step is the first at which a quarter of a second is over
    assert said == 7


def test_progress_has_the_rate_and_the_time_left(clock: Clock) -> None:
    meter = Meter(100)
    clock.now += 2
    assert meter.add(20, {"ok": 20}, 5, 500) == Progress(20, 100, 2.0, 10.0, 8.0, {"ok": 20}, 5, 500)


def test_the_time_left_is_unknown_at_first_and_never_negative(clock: Clock) -> None:
    meter = Meter(10)
    assert meter.progress({}) == Progress(0, 10, 0.0, 0.0, None, {})
    clock.now += 1
    assert meter.progress({}).seconds_left is None
    meter.add(50, {})
    assert meter.progress({}).seconds_left == 0
