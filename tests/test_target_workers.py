"""The judges with the real parser: hostile values cost their own verdict and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from refooter.errors import RefooterError, UsageError
from refooter.target import ARROW_57, Judges, Target
from refooter.values import Question, TargetName, Verdict
from test_target_arro3 import ABORTS, HANGS, SLOW, footer, skipped_booleans
from test_target_thens import ACCEPTED, Ask, Seen, give_up, misbehave, report, report_after_asking

UNFINISHED = Verdict(False, "the target parser did not finish within 0.4 s")
CRASHED = Verdict(False, "the target parser crashed")
EOF = Verdict(False, "Unexpected EOF")


SLEEPY = Target(ARROW_57.name, "test_target_thens:sleepy_judge")


def pool(then: Callable[[Question, Verdict, Ask], Seen] = report, *, workers: int = 1, **more: float) -> Judges[Seen]:
    limits = {"deadline": 0.2, "last_deadline": 0.4, **more}
    return Judges(ARROW_57, then, give_up, workers=workers, **limits)  # type: ignore[arg-type]


def examine(judges: Judges[Seen], *values: bytes) -> list[Seen]:
    return asyncio.run(judges.examine([Question(value) for value in values]))


def worked(judges: Judges[Seen]) -> list[float]:
    """The processor time that each worker has used, in seconds."""
    return [sum(psutil.Process(pid).cpu_times()[:2]) for pid in judges.pids]


async def until_all_work(judges: Judges[Seen], before: list[float]) -> None:
    while not all(now > then + 0.05 for now, then in zip(worked(judges), before, strict=True)):
        await asyncio.sleep(0)


def verdicts(judges: Judges[Seen], *values: bytes) -> list[Verdict]:
    return [seen.verdict for seen in examine(judges, *values)]


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Seen]]:
    with pool(workers=2, deadline=1.0) as judges:
        yield judges


@pytest.fixture(scope="module")
def troubled() -> Iterator[Judges[Seen]]:
    with pool(misbehave) as judges:
        yield judges


def test_results_come_in_the_order_of_the_questions(judges: Judges[Seen]) -> None:
    sound = footer()
    questions = [
        Question(sound + bytes([i % 256, i // 256]) if i % 3 else b"\x00" * (i + 1), i, i + 1, (1, 2))
        for i in range(1000)
    ]
    seen = asyncio.run(judges.examine(questions))
    assert [one.question for one in seen] == questions
    assert [one.verdict.accepted for one in seen] == [i % 3 != 0 for i in range(1000)]


def test_the_work_is_done_in_every_worker_and_none_of_it_here(judges: Judges[Seen]) -> None:
    seen = examine(judges, *[SLOW] * 4)
    assert {one.pid for one in seen} == set(judges.pids)
    assert os.getpid() not in judges.pids


def test_nothing_asked_is_nothing_answered(judges: Judges[Seen]) -> None:
    assert examine(judges) == []


def test_values_larger_than_a_chunk_are_judged_too(judges: Judges[Seen]) -> None:
    large = footer() + bytes(3 << 20)
    assert verdicts(judges, large, b"", large) == [ACCEPTED, EOF, ACCEPTED]


def test_many_tasks_may_ask_at_once(judges: Judges[Seen]) -> None:
    async def all_at_once() -> list[list[Seen]]:
        return await asyncio.gather(
            *(judges.examine([Question(footer(rows=rows)), Question(b"")]) for rows in range(1, 60))
        )

    for rows, seen in enumerate(asyncio.run(all_at_once()), 1):
        assert [one.question.value for one in seen] == [footer(rows=rows), b""]
        assert [one.verdict for one in seen] == [ACCEPTED, EOF]


@pytest.mark.parametrize(("hostile", "verdict"), [(HANGS, UNFINISHED), (ABORTS, CRASHED)])
@pytest.mark.parametrize("place", [0, 39])
def test_a_hostile_value_costs_only_its_own_verdict(hostile: bytes, verdict: Verdict, place: int) -> None:
    values = [footer(), b"\x00"] * 20
    values[place] = hostile
    with pool() as judges:
        before = judges.pids
        seen = examine(judges, *values)
        assert judges.pids != before
        assert len(judges.pids) == 1
    expected = [ACCEPTED, Verdict(False, "Required field version is missing")] * 20
    expected[place] = verdict
    assert [one.verdict for one in seen] == expected
    assert [one.question.value for one in seen] == values


def test_several_hostile_values_in_one_chunk_each_cost_their_own() -> None:
    with pool() as judges:
        assert verdicts(judges, ABORTS, footer(), HANGS, ABORTS, b"") == [
            CRASHED,
            ACCEPTED,
            UNFINISHED,
            CRASHED,
            EOF,
        ]


def test_the_hostile_values_are_as_short_as_a_placeholder() -> None:
    assert len(skipped_booleans(2**31 - 1)) < 10
    assert len(ABORTS) < 10


def test_a_value_that_only_needs_longer_gets_the_parsers_own_word() -> None:
    with pool(deadline=0.02, last_deadline=20.0) as judges:
        assert verdicts(judges, footer(), SLOW, footer()) == [ACCEPTED, EOF, ACCEPTED]


def test_the_deadline_is_the_workers_own_time_and_not_the_clocks() -> None:
    with Judges(SLEEPY, report, give_up, workers=1, deadline=0.05, last_deadline=0.05) as judges:
        assert verdicts(judges, b"a", b"b") == [ACCEPTED, ACCEPTED]


def test_a_parser_that_sleeps_for_ever_runs_out_of_patience() -> None:
    with Judges(SLEEPY, report, give_up, workers=1, deadline=0.1, last_deadline=0.2, patience=0.6) as judges:
        assert verdicts(judges, b"a", b"forever", b"b") == [
            ACCEPTED,
            Verdict(False, "the target parser did not finish within 0.2 s"),
            ACCEPTED,
        ]


@pytest.mark.parametrize(("hostile", "verdict"), [(HANGS, UNFINISHED), (ABORTS, CRASHED)])
def test_then_runs_in_a_worker_for_a_lost_value_and_may_ask_safely(hostile: bytes, verdict: Verdict) -> None:
    with pool(report_after_asking) as judges:
        (seen,) = examine(judges, hostile)
    assert seen.verdict == verdict
    assert seen.asked == verdict
    assert seen.pid != os.getpid()


@pytest.mark.parametrize(("hostile", "answer"), [(HANGS, UNFINISHED), (ABORTS, CRASHED)])
def test_asking_about_a_hostile_part_leaves_the_whole_values_verdict_true(hostile: bytes, answer: Verdict) -> None:
    # the whole is rejected at its first byte; the rest, asked about by `then`, is what hangs or kills
    with pool(report_after_asking) as judges:
        (seen,) = examine(judges, b"\x00" + hostile)
    assert seen.verdict == Verdict(False, "Required field version is missing")
    assert seen.asked == answer
    assert seen.pid != os.getpid()


@pytest.mark.parametrize("trouble", [b"hang", b"die", b"exit", b"memory"])
def test_where_then_itself_is_lost_the_fallback_gives_the_result(troubled: Judges[Seen], trouble: bytes) -> None:
    before, lost, after = examine(troubled, footer(), trouble, footer())
    assert lost.pid == os.getpid()
    assert lost.question == Question(trouble)
    assert not lost.verdict.accepted
    assert not (lost.verdict.error or "").startswith("the target parser")
    assert before.verdict == after.verdict == ACCEPTED
    assert os.getpid() not in (before.pid, after.pid)


def test_an_exception_of_then_is_the_callers_to_see(troubled: Judges[Seen]) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a bug of ours") as caught:
        examine(troubled, b"raise")
    assert "in misbehave" in caught.value.__notes__[0]
    assert verdicts(troubled, footer()) == [ACCEPTED]


def test_nothing_that_a_worker_writes_arrives(troubled: Judges[Seen], capfd: pytest.CaptureFixture[str]) -> None:
    examine(troubled, b"print", b"", ABORTS)
    assert capfd.readouterr() == ("", "")


def test_a_worker_that_is_killed_while_idle_is_replaced(judges: Judges[Seen]) -> None:
    for pid in judges.pids:
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)], timeout=0)
    assert verdicts(judges, *[footer()] * 200) == [ACCEPTED] * 200


def test_workers_that_are_killed_at_work_cost_no_value_its_verdict() -> None:
    async def killed_at_work(judges: Judges[Seen]) -> list[Seen]:
        idle = worked(judges)
        asked = asyncio.create_task(judges.examine([Question(value) for value in [SLOW, footer()] * 20]))
        await until_all_work(judges, idle)
        for pid in judges.pids:
            os.kill(pid, signal.SIGKILL)
        return await asked

    with pool(workers=2, deadline=5.0, last_deadline=5.0) as judges:
        before = judges.pids
        seen = asyncio.run(killed_at_work(judges))
        assert not set(before) & set(judges.pids)
    assert [one.verdict for one in seen] == [EOF, ACCEPTED] * 20


def test_an_interrupt_does_not_reach_the_workers(judges: Judges[Seen]) -> None:
    before = judges.pids
    for pid in before:
        os.kill(pid, signal.SIGINT)
        assert os.getpgid(pid) != os.getpgid(0)
    assert verdicts(judges, *[footer()] * 200) == [ACCEPTED] * 200
    assert judges.pids == before


def test_cancelling_leaves_the_pool_usable(judges: Judges[Seen]) -> None:
    async def impatient() -> list[Seen]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await judges.examine([Question(HANGS)] * 1000)
        return await judges.examine([Question(footer()), Question(b"")])

    seen = asyncio.run(impatient())
    assert [one.verdict for one in seen] == [ACCEPTED, EOF]


def test_closing_ends_every_process_and_tells_whoever_waits() -> None:
    async def closed_under_it(judges: Judges[Seen]) -> None:
        idle = worked(judges)
        waiting = [asyncio.create_task(judges.examine([Question(HANGS)] * 200)) for _ in range(3)]
        await until_all_work(judges, idle)
        await asyncio.to_thread(judges.close)
        for task in waiting:
            with pytest.raises(RuntimeError, match="not at work"):
                await task

    judges = pool(workers=2, deadline=60.0)
    judges.start()
    processes = [psutil.Process(pid) for pid in judges.pids]
    asyncio.run(closed_under_it(judges))
    assert not any(process.is_running() for process in processes)
    assert judges.pids == ()
    judges.close()


def test_judges_that_are_not_at_work_say_so() -> None:
    judges = pool()
    with pytest.raises(RuntimeError, match="call start"):
        examine(judges, b"")
    with judges:
        pass
    with pytest.raises(RuntimeError, match="call start"):
        examine(judges, b"")


def test_another_version_of_the_target_stops_the_start() -> None:
    other = Target(TargetName("arro3-io", "0.9.1", "parquet 59.0.0"), ARROW_57.judge)
    with pytest.raises(UsageError, match=r"arro3-io==0\.9\.1"):
        Judges(other, report, give_up).start()


@pytest.mark.parametrize("judge", ["no_such_module:judge", "refooter.target.arro3:no_such_judge"])
def test_a_judge_that_cannot_be_imported_stops_the_start_with_its_reason(judge: str) -> None:
    with pytest.raises(RefooterError, match=r"cannot be loaded: .*no_such"):
        Judges(Target(ARROW_57.name, judge), report, give_up, workers=2).start()


def test_the_pool_starts_where_standard_error_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As inside a running Textual app, whose standard error says that its descriptor is -1."""

    class NoFile:
        def fileno(self) -> int:
            return -1

    monkeypatch.setattr(sys, "stderr", NoFile())
    with pool() as judges:
        assert verdicts(judges, ABORTS, footer()) == [CRASHED, ACCEPTED]


def test_a_worker_does_not_grow_with_what_it_has_judged() -> None:
    values = [footer(20), b"\x00" * 9000] * 1000
    with pool() as judges:
        examine(judges, *values)
        before = psutil.Process(judges.pids[0]).memory_info().rss
        for _ in range(5):
            examine(judges, *values)
        assert psutil.Process(judges.pids[0]).memory_info().rss - before < 8 << 20
