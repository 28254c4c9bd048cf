"""Signals around a command."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from refooter_tui.cli.shell import SIGNALS, Interrupted, Shell, signals_raise


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> object:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield None
    assert {number: signal.getsignal(number) for number in SIGNALS} == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_work_and_gives_its_exit_code(number: signal.Signals, code: int) -> None:
    cleaned_up = []

    async def work() -> int:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            cleaned_up.append(True)
        return 0

    with pytest.raises(Interrupted, match=number.name) as caught:
        Shell().run(work())
    assert caught.value.exit_code == code
    assert cleaned_up == [True]


def test_the_first_signal_lets_a_run_come_to_a_good_end() -> None:
    shell = Shell()
    ended = []

    async def work() -> int:
        stopped = asyncio.Event()
        with shell.stopping_with(stopped.set):
            os.kill(os.getpid(), signal.SIGTERM)
            await stopped.wait()
        ended.append("well")
        return 0

    with pytest.raises(Interrupted) as caught:
        shell.run(work())
    assert caught.value.exit_code == 143
    assert ended == ["well"]


def test_the_second_signal_cancels_it_at_once() -> None:
    shell = Shell()

    async def work() -> int:
        asked = asyncio.Event()
        with shell.stopping_with(asked.set):
            os.kill(os.getpid(), signal.SIGINT)
            await asked.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        return 0

    with pytest.raises(Interrupted) as caught:
        shell.run(work())
    assert caught.value.exit_code == 130


def test_work_that_nobody_interrupts_gives_its_own_exit_code() -> None:
    async def work() -> int:
        return 1

    assert Shell().run(work()) == 1


def test_an_error_of_the_work_comes_out_as_it_is() -> None:
    async def work() -> int:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        Shell().run(work())


@pytest.mark.parametrize("number", SIGNALS)
def test_outside_the_event_loop_a_signal_raises_too(number: signal.Signals) -> None:
    with pytest.raises(Interrupted) as caught, signals_raise():
        signal.raise_signal(number)
    assert caught.value.number == number
