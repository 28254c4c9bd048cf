"""The menu of what can be copied: true texts of the entry and of the selection, and why something is not there."""

from __future__ import annotations

import json
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from app.listings import Listed, batch, diagnosis, result
from app.stage import Stage
from refooter.catalog.selection import Selection
from refooter.demo.lake import LakeSummary, build_lake
from refooter.jobs.export import RowFile
from refooter.jobs.inspect import Inspection, inspect_entry
from refooter.jobs.listing import listing
from refooter.jobs.scan import scan
from refooter.values import Cause, EntryResult, FileState, Layout, Outcome, Reason
from refooter_tui.app.command import Where
from refooter_tui.app.copies import Copies, Copy, copies_of, row_as_json
from refooter_tui.app.copying import CopyMenu
from refooter_tui.app.messages import Detail
from refooter_tui.model.table import EntryTable
from support.jobs import session, told
from support.tables import values

NASTY = "views/log's/-x/2026-01-01/a b\x1b[31m\u202e\n.parquet"


def one_entry(path: str = NASTY, judged: EntryResult | None = None) -> EntryTable:
    table = EntryTable()
    table.append(batch(Listed(path)))
    if judged is not None:
        table.judge([judged])
    return table


def texts(items: Sequence[Copy]) -> dict[str, str]:
    return {item.key: item.text() for item in items if item.text is not None}


def whys(items: Sequence[Copy]) -> dict[str, str]:
    return {item.key: item.why for item in items if item.text is None}


def test_paths_and_uris_are_the_true_ones() -> None:
    copied = texts(copies_of(one_entry(), 0, None, store="s3://bucket/lake").items(None))
    assert copied["p"] == NASTY
    assert copied["u"] == f"s3://bucket/lake/{NASTY}"


def test_the_inspect_command_is_one_that_a_shell_reads_back() -> None:
    where = Where(("--profile", "my lake"))
    for path in (NASTY, "-x y.parquet"):
        copied = texts(copies_of(one_entry(path), 0, None, where=where).items(None))
        words = shlex.split(copied["i"])
        assert words[:2] == ["refooter", "inspect"]
        assert path in words
        assert words[words.index("--profile") + 1] == "my lake"


def test_the_selected_paths_are_read_when_they_are_copied() -> None:
    selected = ["a", "b"]
    item = copies_of(one_entry(), 0, None, selected=lambda: selected, selected_count=2).items(None)[-1]
    assert item.preview == "2 paths, one a line"
    selected.append("c")
    assert item.text is not None
    assert item.text() == "a\nb\nc\n"


def test_what_is_not_there_says_why() -> None:
    missing = whys(copies_of(one_entry(), 0, None).items(None))
    assert missing == {
        "u": "no object store is named, so there is no root to the path",
        "e": "the entry is not scanned yet",
        "d": "the entry is still being read",
        "h": "the entry is still being read",
        "g": "the entry is still being read",
        "l": "nothing is selected",
    }
    sound = one_entry(judged=result(NASTY))
    assert whys(copies_of(sound, 0, None).items(None))["e"] == "the target parser has nothing to say against it"
    assert whys(copies_of(sound, 0, None).items(None, "the database is gone"))["h"] == "the database is gone"


def test_the_error_is_the_parsers_own() -> None:
    table = one_entry(judged=result(NASTY, diagnosis(Cause.TRUNCATED, "Unexpected EOF\x1b[0m")))
    assert texts(copies_of(table, 0, None).items(None))["e"] == "Unexpected EOF\x1b[0m"


def test_a_row_that_no_scan_has_seen_claims_nothing() -> None:
    fields = json.loads(row_as_json(one_entry(), 0, None))
    assert fields["status"] == "unknown"
    assert fields["cause"] is None
    assert fields["layout"] is None
    assert fields["insert_time"] == "2000-01-01T00:00:00Z"


def test_a_row_tells_what_a_run_made_of_it() -> None:
    judged = replace(
        result(NASTY, diagnosis(Cause.PAGE_INDEX_PREFIX, "boo", layout=Layout.PREFIXED)),
        outcome=Outcome.FAILED,
        reason=Reason.FILE_MISSING,
        file_state=FileState.MISSING,
    )
    fields = json.loads(row_as_json(one_entry(judged=judged), 0, None))
    assert (fields["outcome"], fields["reason"], fields["file_state"]) == ("failed", "file_missing", "missing")
    assert (fields["status"], fields["causes"], fields["layout"]) == ("legacy", ["page_index_prefix"], "prefixed")
    assert fields["file_path"] == NASTY


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=40)


async def test_every_row_of_a_lake_is_copied_as_an_export_writes_it(lake: LakeSummary, tmp_path: Path) -> None:
    with session(lake.dsn, lake.store) as opened:
        async with opened.open() as reached:
            table = EntryTable()
            async for page in listing(reached):
                table.append(page.batch)
            scanned = await told(scan(reached, Selection()))
            table.judge(list(scanned.results.values()))
            with RowFile(str(tmp_path / "rows.jsonl")) as file:
                file.write(list(scanned.results.values()))
            stored = values(lake.dsn)
            written = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
            assert len(written) == len(table) > 0
            for row in written:
                at = table.row_of(row["file_path"])
                assert at is not None
                # the footer's own row count is what a list does not keep
                assert json.loads(row_as_json(table, at, None)) == row | {"num_rows": None}
                found = await inspect_entry(reached, row["file_path"])
                assert json.loads(row_as_json(table, at, found)) == row
                check_value(copies_of(table, at, found).items(found), found, stored[row["file_path"]])


def check_value(items: list[Copy], found: Inspection, value: bytes) -> None:
    copied = texts(items)
    if value:
        assert bytes.fromhex(copied["h"]) == value
    else:
        assert "h" not in copied
    assert ("g" in copied) == any(mark.end > mark.start for mark in found.marks)
    for line in copied.get("g", "").splitlines():
        where, colon, piece = line.rpartition(": ")
        faulty = bytes.fromhex(piece)
        if colon:
            first, last = map(int, where.split("-"))
            assert value[first : last + 1] == faulty
        else:
            assert faulty in value
    said = copied["d"].splitlines()
    assert said[0] == found.name
    assert said[1].startswith(f"{found.diagnosis.status}: {found.diagnosis.cause}, ")
    for evidence in found.diagnosis.evidence:
        assert f"evidence: {evidence}" in said


def test_an_inspection_of_another_entry_is_not_taken_for_this_one() -> None:
    other = Inspection("other", 1, b"x", diagnosis(), None, (), (), None)  # type: ignore[arg-type]
    assert copies_of(one_entry(), 0, other).found is None


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the terminal to copy to."""
    monkeypatch.setenv("SSH_TTY", "1")
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def menu(copies: Copies, directory: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    app = Stage()
    async with app.run_test(size=size) as pilot:
        app.push_screen(CopyMenu(copies, directory))
        await pilot.pause()
        yield pilot


async def copied_file(pilot: Pilot[None], directory: Path) -> str:
    await pilot.app.workers.wait_for_complete()
    return (directory / "copied.txt").read_bytes().decode("utf-8", "surrogateescape")


@pytest.mark.usefixtures("alone")
async def test_a_key_copies_and_closes(tmp_path: Path) -> None:
    async with menu(copies_of(one_entry(), 0, None), tmp_path) as pilot:
        await pilot.press("p")
        assert not isinstance(pilot.app.screen, CopyMenu)
        assert await copied_file(pilot, tmp_path) == NASTY
        [toast] = list(pilot.app._notifications)
        assert toast.title == "path"


@pytest.mark.usefixtures("alone")
async def test_arrows_and_enter_copy_and_so_does_a_click(tmp_path: Path) -> None:
    copies = copies_of(one_entry(), 0, None, store="s3://b")
    async with menu(copies, tmp_path) as pilot:
        await pilot.press("down", "enter")
        assert await copied_file(pilot, tmp_path) == f"s3://b/{NASTY}"
    async with menu(copies, tmp_path) as pilot:
        await pilot.click("#copies", offset=(6, 0))
        assert await copied_file(pilot, tmp_path) == NASTY


@pytest.mark.usefixtures("alone")
async def test_what_is_dim_says_why_and_stays_open(tmp_path: Path) -> None:
    async with menu(copies_of(one_entry(), 0, None), tmp_path) as pilot:
        await pilot.press("h")
        await pilot.press("l")
        assert isinstance(pilot.app.screen, CopyMenu)
        assert [toast.message for toast in pilot.app._notifications] == [
            "the entry is still being read",
            "nothing is selected",
        ]
        assert not (tmp_path / "copied.txt").exists()


@pytest.mark.usefixtures("alone")
async def test_the_entry_comes_while_the_menu_is_open(tmp_path: Path) -> None:
    found = Inspection(NASTY, 2, b"\xab\xcd", diagnosis(), None, (), (), None)  # type: ignore[arg-type]
    async with menu(copies_of(one_entry(), 0, None), tmp_path) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, CopyMenu)
        await pilot.press("down", "down")
        screen.answered(Detail(1, "another", False, replace(found, name="another", value=b"\x00")))
        await pilot.press("h")
        assert isinstance(pilot.app.screen, CopyMenu)
        screen.answered(Detail(2, NASTY, False, found))
        assert screen.query_one("#copies", OptionList).highlighted == 2
        await pilot.press("h")
        assert await copied_file(pilot, tmp_path) == "abcd"


@pytest.mark.usefixtures("alone")
async def test_an_answer_that_is_quicker_than_the_menu_is_in_it_from_the_start(tmp_path: Path) -> None:
    found = Inspection(NASTY, 2, b"\xab\xcd", diagnosis(), None, (), (), None)  # type: ignore[arg-type]
    app = Stage()
    async with app.run_test() as pilot:
        screen = CopyMenu(copies_of(one_entry(), 0, None), tmp_path)
        screen.answered(Detail(1, NASTY, False, found))
        app.push_screen(screen)
        await pilot.pause()
        await pilot.press("h")
        assert await copied_file(pilot, tmp_path) == "abcd"


async def test_an_entry_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    async with menu(copies_of(one_entry(), 0, None), tmp_path) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, CopyMenu)
        screen.answered(Detail(1, NASTY, False, error="the database is gone"))
        await pilot.press("d")
        assert [toast.message for toast in pilot.app._notifications] == ["the database is gone"]


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (60, 15)])
async def test_every_line_is_one_line_and_shows_foreign_text_as_escapes(tmp_path: Path, size: tuple[int, int]) -> None:
    table = one_entry(judged=result(NASTY, diagnosis(Cause.TRUNCATED, "EOF\x1b]0;title\x07 " * 50)))
    copies = copies_of(table, 0, None, store="s3://b", selected=lambda: ["x"], selected_count=1)
    async with menu(copies, tmp_path, size) as pilot:
        listed = pilot.app.screen.query_one("#copies", OptionList)
        shown = [listed.render_line(y).text for y in range(listed.virtual_size.height)]
        items = copies.items(None)
        assert len(shown) == len(items)
        for line, item in zip(shown, items, strict=True):
            assert line.strip().startswith(f"{item.key}  {item.name}")
            assert not set(line) & set("\x1b\x07\u202e\n")
        assert "\N{HORIZONTAL ELLIPSIS}" in shown[2]
        assert shown[0].rstrip().endswith("\\n.parquet")
