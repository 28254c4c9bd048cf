"""The whole program in a real terminal: real keys through a pty, and afterwards a look at the catalog and at what was exported."""

from __future__ import annotations

import csv
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.terminal import ENTER, Terminal, judged, terminal
from refooter.demo.lake import LakeSummary, build_lake
from refooter.values import Cause
from stores.quirky import Asked, QuirkyServer, quirky_server
from support.jobs import session
from support.tables import rows, table_digests

ENTRIES = 60
# what `status:corrupt,legacy` finds
BROKEN = frozenset(Cause) - {
    Cause.NONE, Cause.OUTDATED_VERSION, Cause.ZERO_NUM_ROWS, Cause.ROW_COUNT_MISMATCH, Cause.DANGLING_PAGE_INDEX, Cause.CHUNK_OUT_OF_BOUNDS,
}  # fmt: skip


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=ENTRIES)


@contextmanager
def opened(
    dsn: str, store: str | None, tmp_path: Path, *more: str, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """The app on a lake that it has listed and judged."""
    assert store is not None
    words = ("tui", "--dsn", dsn, "--store", store, *more)
    with terminal(*words, state=tmp_path / "state", environment=environment) as there:
        judged(there, ENTRIES)
        yield there


def plan(there: Terminal) -> None:
    """Of all that the filter shows."""
    there.press("a")
    there.sees("selected")
    there.press("m")
    there.sees("Plan: migrate", "y go")


def states(dsn: str) -> list[str]:
    """How the runs of the journal stand, oldest first."""
    if not rows(dsn, "SELECT FROM pg_namespace WHERE nspname = 'refooter'"):
        return []
    return [state for (state,) in rows(dsn, "SELECT state FROM refooter.run ORDER BY run_id")]


def test_open_filter_select_rehearse_migrate_export_go_back_and_quit(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    prefixed = [entry for entry in lake.planned if entry.kind is not None and entry.cause.value == "page_index_prefix"]
    with opened(lake.dsn, lake.store, tmp_path) as there:
        there.filter_by("cause:page_index_prefix", f"{len(prefixed)} of {ENTRIES} shown")
        broken = there.colours_of("legacy")
        plan(there)
        there.press_until("d", lambda text: "╭─ Dry run" in text)
        assert table_digests(lake.dsn) == before
        assert states(lake.dsn) == []
        there.leave("╭─ Dry run")

        there.press("m")
        there.sees("Plan: migrate", "y go")
        there.press_until("y", lambda text: "╭─ Run 1" in text)
        changed = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM refooter.change")}
        assert changed
        assert changed <= {entry.file_path for entry in prefixed}
        assert table_digests(lake.dsn) != before
        there.leave("╭─ Run 1")
        there.sees("✓ ok")
        assert there.colours_of("✓ ok") != broken

        there.press("e")
        there.sees("Export")
        there.press("\x15")
        there.until(lambda text: "-o''" in re.sub(r"[\s│]", "", text))
        there.press(str(tmp_path / "out.csv"))
        there.sees("out.csv")
        there.press(ENTER)
        there.sees("exported")

        there.press("o")
        there.sees("[Runs]", "migrate")
        there.press_until(ENTER, lambda text: "╭─ Run 1" in text)
        there.press_until("u", lambda text: "╭─ Roll back" in text)
        there.press_until("y", lambda text: "╭─ Run 2" in text)
        there.leave("╭─ Run 2")
        there.press("q")
        assert there.ended() == 0
    assert states(lake.dsn) == ["finished", "finished"]
    assert table_digests(lake.dsn) == before
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as text:
        written = {row["file_path"]: row for row in csv.DictReader(text)}
    assert set(written) == {entry.file_path for entry in prefixed}
    assert {written[path]["status"] for path in changed} == {"ok"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_in_order(lake: LakeSummary, tmp_path: Path, number: signal.Signals, code: int) -> None:
    with opened(lake.dsn, lake.store, tmp_path) as there:
        there.process.send_signal(number)
        assert there.ended() == code
        given_back(there)


def given_back(there: Terminal) -> None:
    """The terminal is as it was: the other screen is gone, the cursor is there, and no mouse or paste is reported any more."""
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
        assert sequence in there.raw
        assert there.raw.rindex(sequence) > there.raw.rindex(sequence[:-1] + (b"l" if sequence[-1:] == b"h" else b"h"))
    assert b"Traceback" not in there.raw


class SlowStore:
    """A real object store over HTTP; one object of it is not answered for, between `hold` and `release`."""

    URI = "s3://lake/root"

    def __init__(self, server: QuirkyServer) -> None:
        self._server = server
        self._held = ""
        self._released = threading.Event()
        server.before_answer = self._wait

    def put(self, path: str, data: bytes) -> None:
        self._server.objects[f"root/{path}"] = data

    def _wait(self, asked: Asked) -> None:
        if asked.key == self._held:
            self._released.wait()

    def hold(self, path: str) -> None:
        self._held = f"root/{path}"

    def release(self) -> None:
        self._released.set()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self._server.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }


@pytest.fixture
def slow() -> Iterator[SlowStore]:
    with quirky_server() as server:
        store = SlowStore(server)
        try:
            yield store
        finally:
            store.release()


@contextmanager
def running(dsn: str, slow: SlowStore, tmp_path: Path) -> Iterator[Terminal]:
    """The app while a run of its waits for the store."""
    lake = build_lake(dsn, entries=ENTRIES, put=slow.put)
    broken = [entry for entry in lake.planned if entry.kind is not None and entry.cause in BROKEN]
    with opened(dsn, slow.URI, tmp_path, environment=slow.environment) as there:
        there.filter_by("status:corrupt,legacy", f"{len(broken)} of {ENTRIES} shown")
        plan(there)
        slow.hold(max(lake.paths(cause=Cause.TRUNCATED)))
        there.press_until("y", lambda text: "Plan: migrate" not in text)
        there.until_so(lambda: states(dsn) == ["running"])
        yield there


def test_a_run_that_is_told_to_end_is_recorded_as_interrupted(dsn: str, slow: SlowStore, tmp_path: Path) -> None:
    with running(dsn, slow, tmp_path) as there:
        there.process.send_signal(signal.SIGTERM)
        assert there.ended() == 143
        given_back(there)
    assert states(dsn) == ["interrupted"]


def test_a_vanished_terminal_ends_the_program_its_workers_and_its_run(
    dsn: str, slow: SlowStore, tmp_path: Path
) -> None:
    with running(dsn, slow, tmp_path) as there:
        workers = psutil.Process(there.process.pid).children(recursive=True)
        assert workers
        there.vanish()
        there.ended()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []
    assert states(dsn) == ["interrupted"]


def test_neither_ctrl_c_nor_q_ends_a_run_silently(dsn: str, slow: SlowStore, tmp_path: Path) -> None:
    with running(dsn, slow, tmp_path) as there:
        there.press("\x03")
        there.press("q")
        there.sees("Quit?")
        assert states(dsn) == ["running"]
        there.leave("Quit?")
        slow.release()
        there.sees("╭─ Run 1")
        there.leave("╭─ Run 1")
        there.press("q")
        assert there.ended() == 0
    assert states(dsn) == ["finished"]


def test_a_read_only_app_says_why_it_does_not_go(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    with opened(lake.dsn, lake.store, tmp_path, "--read-only") as there:
        assert "READ-ONLY" in there.text
        there.filter_by("cause:page_index_prefix", " shown")
        there.press("a")
        there.sees("selected")
        there.press("m")
        there.sees("Plan: migrate", "read-only")
        there.press_until("y", lambda text: "start it without --read-only" in re.sub(r"[\s▌│]+", " ", text))
        there.leave("Plan: migrate")
        there.press("q")
        assert there.ended() == 0
    assert table_digests(lake.dsn) == before
    assert states(lake.dsn) == []


async def test_a_read_only_session_is_read_only_in_the_database_itself(lake: LakeSummary) -> None:
    with session(lake.dsn, lake.store, read_only=True) as opened:
        async with opened.open() as there:
            async with there.database.reading() as connection:
                assert await (await connection.execute("SHOW transaction_read_only")).fetchone() == ("on",)
            with pytest.raises(PermissionError, match="read-only"):
                async with there.database.writing():
                    raise AssertionError("a transaction that writes was begun")


def test_no_catalog_is_said_in_a_sentence_and_not_in_a_traceback(tmp_path: Path) -> None:
    dsn = "postgres://nobody:secret@127.0.0.1:1/none"
    with terminal("tui", "--dsn", dsn, state=tmp_path / "state") as there:
        there.sees("cannot reach PostgreSQL")
        there.press("q")
        there.ended()
    assert b"Traceback" not in there.raw
    assert b"secret" not in there.raw
