"""The detail pane: what would take the value's place while its file is unread, and what runs did to the entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from app.stage import Stage, until
from refooter.catalog.history import HISTORY_LIMIT, ChangeMade, HistoryRecord
from refooter.catalog.journal import ResultRecord, RunState
from refooter.demo.server import Server
from refooter.jobs.inspect import Inspection, inspect_entry
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter_tui.app.detail import DetailPane
from refooter_tui.app.widgets.page import PageView
from support.kinds import Kept, put_kinds

DAY = 86_400_000_000
"""2000-01-02, as the journal has it."""
CHANGE = HistoryRecord(
    run_id=4,
    kind="migrate",
    who="alice@host",
    strategy="auto",
    state=RunState.FINISHED,
    when=DAY + 33_250_000,
    change=ChangeMade(
        "page_index_prefix",
        "true_pointers",
        True,
        bytes.fromhex("ab12" * 16),
        bytes.fromhex("cd34" * 16),
        1,
        2,
        9112,
        9088,
    ),
    result=None,
)
FAILURE = HistoryRecord(
    run_id=12,
    kind="rollback",
    who="bob\x1b[31m@host",
    strategy="before_image",
    state=RunState.DEAD,
    when=2 * DAY,
    change=None,
    result=ResultRecord("path", "failed", "file_missing", "no such\nobject"),
)


class Kinds:
    def __init__(self, dsn: str, root: Path, kept: dict[str, Kept], session: Session) -> None:
        self.dsn, self.root, self.kept, self.session = dsn, root, kept, session

    async def inspect(self, name: str, *, ask_store: bool = False) -> Inspection:
        async with self.session.open() as lake:
            return await inspect_entry(lake, self.kept[name].path, ask_store=ask_store)


@pytest.fixture(scope="module")
def kinds(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinds]:
    dsn = server.create_database("detail_kinds")
    root = tmp_path_factory.mktemp("kinds")
    kept = put_kinds(dsn, root)
    with Session(Settings(dsn=dsn, store=root.as_uri(), workers=1)) as session:
        yield Kinds(dsn, root, kept, session)
    server.drop_database("detail_kinds")


async def said(pane: DetailPane, pilot: Pilot[None], tab: str) -> str:
    """What a tab says, at the width it has."""
    pane.tab = tab
    await pilot.pause()
    page = pane.query_one(f"#page-{tab}", PageView)
    await until(pilot, lambda: page.size.width > 0)
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await until(pilot, lambda: pane.made)
    return "\n".join(page.lines)


async def told(
    found: Inspection, show: Callable[[DetailPane, Inspection], None], tab: str, size: tuple[int, int] = (120, 60)
) -> str:
    pane = DetailPane()
    async with Stage(pane).run_test(size=size) as pilot:
        show(pane, found)
        return await said(pane, pilot, tab)


async def test_where_the_file_would_have_to_be_read_it_is_said_that_it_was_not_and_how_to_read_it(kinds: Kinds) -> None:
    unread = await kinds.inspect("truncated")
    for tab in ("after", "summary"):
        text = await told(unread, lambda pane, found: pane.show(found), tab)
        assert "What would take its place? A migration would read its file for that" in text
        assert "Enter on the entry reads its file" in text
        assert "would fail" not in text
    read = await told(await kinds.inspect("truncated", ask_store=True), lambda pane, found: pane.show(found), "after")
    assert "A migration would change it" in read
    assert "Enter on the entry" not in read


async def test_the_summary_begins_with_what_is_wrong_in_words(kinds: Kinds) -> None:
    found = await kinds.inspect("missing_num_rows")
    first = (await told(found, DetailPane.show, "summary")).splitlines()[0]
    assert "legacy  missing_num_rows: the row count was never written" in first


async def test_what_the_value_itself_proves_is_said_without_its_file(kinds: Kinds) -> None:
    text = await told(await kinds.inspect("prefixed"), lambda pane, found: pane.show(found), "after")
    assert "A migration would change it (true_pointers" in text
    assert "Enter on the entry" not in text


async def test_the_history_tells_each_run_in_words_newest_first(kinds: Kinds) -> None:
    back = replace(CHANGE, run_id=5, kind="rollback", when=DAY * 3, change=None)
    assert CHANGE.change is not None
    back = replace(
        back,
        change=replace(
            CHANGE.change,
            repair="before_image",
            proved=False,
            old_digest=CHANGE.change.new_digest,
            new_digest=CHANGE.change.old_digest,
            old_version=2,
            new_version=1,
            old_size=9088,
            new_size=None,
        ),
    )
    text = await told(
        await kinds.inspect("raw"), lambda pane, found: pane.show(found, (back, FAILURE, CHANGE)), "history"
    )
    assert text.splitlines() == [
        "run  5  rollback  2000-01-04 00:00:00 UTC  by alice@host",
        "  before_image: what stood there before is put back",
        "  version 2 → 1, 9,088 → ? bytes, sha256 cd34cd34… → ab12ab12…",
        "",
        "run 12  rollback  2000-01-03 00:00:00 UTC  by bob\\x1b[31m@host  the run died",
        "  failed file_missing: no such\\nobject",
        "",
        "run  4  migrate   2000-01-02 00:00:33 UTC  by alice@host",
        "  true_pointers, proved: the page-index pointers are put right",
        "  version 1 → 2, 9,112 → 9,088 bytes, sha256 ab12ab12… → cd34cd34…",
    ]


async def test_an_unproved_repair_and_a_stamp_are_told_as_what_they_are(kinds: Kinds) -> None:
    assert CHANGE.change is not None
    unproved = replace(
        CHANGE,
        change=replace(CHANGE.change, repair="num_rows+without_pointers", proved=False, old_version=2),
        result=ResultRecord("path", "migrated", "unproved", "nothing proves it"),
    )
    stamp = replace(
        CHANGE,
        change=replace(CHANGE.change, repair="stamp", proved=False, new_digest=CHANGE.change.old_digest, new_size=9112),
    )
    text = await told(await kinds.inspect("raw"), lambda pane, found: pane.show(found, (unproved, stamp)), "history")
    assert text.splitlines()[1:4] == [
        "  num_rows+without_pointers, unproved: the row count is put right and the page-index pointers are taken away",
        "  9,112 → 9,088 bytes, sha256 ab12ab12… → cd34cd34…",
        "  unproved: nothing proves it",
    ]
    assert text.splitlines()[-2:] == [
        "  stamp: only the format version changes",
        "  version 1 → 2, the value stayed: 9,112 bytes, sha256 ab12ab12…",
    ]


async def test_a_row_that_a_restore_brought_back_and_one_that_was_taken_away_again_are_told_as_such(
    kinds: Kinds,
) -> None:
    assert CHANGE.change is not None
    back = replace(CHANGE.change, repair="inserted", old_digest=b"", old_version=None, old_size=None)
    away = replace(CHANGE.change, repair="before_image", new_digest=b"", new_version=None, new_size=None)
    found = await kinds.inspect("raw")
    for change, said in ((back, "the row came back, 9,088 bytes"), (away, "the row was taken away, 9,112 bytes")):
        text = await told(found, lambda pane, one, c=change: pane.show(one, [replace(CHANGE, change=c)]), "history")
        assert said in text
        assert "proved" not in text


async def test_that_no_run_changed_an_entry_is_said_only_where_it_is_known(kinds: Kinds) -> None:
    found = await kinds.inspect("raw")
    nothing = "No run has changed this entry."
    assert await told(found, lambda pane, one: pane.show(one, ()), "history") == nothing
    unasked = await told(found, lambda pane, one: pane.show(one), "history")
    assert "was not asked" in unasked
    failed = await told(found, lambda pane, one: pane.show(one, (), "no\x07 right"), "history")
    assert failed == "no\\x07 right"
    gone = await told(found, lambda pane, one: pane.say("it is being read"), "history")
    assert gone == "it is being read"


async def test_a_history_that_was_cut_short_says_so(kinds: Kinds) -> None:
    many = tuple(replace(FAILURE, run_id=number) for number in range(HISTORY_LIMIT, 0, -1))
    text = await told(await kinds.inspect("raw"), lambda pane, one: pane.show(one, many), "history")
    assert text.splitlines()[-1] == "The 100 newest; there may be older ones."
    few = await told(await kinds.inspect("raw"), lambda pane, one: pane.show(one, many[1:]), "history")
    assert "there may be older ones" not in few


async def test_a_narrow_pane_wraps_the_history_below_its_run(kinds: Kinds) -> None:
    text = await told(await kinds.inspect("raw"), lambda pane, one: pane.show(one, (CHANGE,)), "history", (48, 30))
    assert all(len(line) <= 48 for line in text.splitlines())
    assert "9,112 → 9,088 bytes" in text
    assert "  true_pointers, proved: the page-index" in text.splitlines()
