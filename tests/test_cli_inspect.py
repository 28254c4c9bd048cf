"""`refooter inspect` at the command line: every kind of value, every part that can be asked for, exit codes, widths."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from refooter.demo.server import Server
from refooter.demo.values import KINDS
from refooter.errors import UsageError
from refooter.jobs.inspect import Inspection, inspect_blob
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter.values import Cause
from refooter_tui.cli.footer_tree import Tree
from refooter_tui.cli.hex_view import HexView, byte_range, parse_range
from refooter_tui.cli.inspection import Parts, show_inspection
from refooter_tui.cli.main import main
from support.kinds import Kept, put_kinds
from support.workers import shared_workers

Captured = pytest.CaptureFixture[str]


@dataclass
class Commands:
    """`inspect` on a lake with an entry of every kind."""

    kept: dict[str, Kept]
    directory: Path
    capsys: Captured

    def json(self, *words: str) -> tuple[int, dict[str, Any]]:
        code = main(["inspect", *words, "--json"])
        out = self.capsys.readouterr().out
        assert out.count("\n") == 1
        answer: dict[str, Any] = json.loads(out)
        return code, answer

    def text(self, *words: str) -> tuple[int, str]:
        code = main(["inspect", *words])
        return code, self.capsys.readouterr().out

    def blob(self, name: str) -> str:
        file = self.directory / name
        file.write_bytes(self.kept[name].value)
        return str(file)


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    with shared_workers():
        yield


@pytest.fixture(scope="module")
def lake(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, dict[str, Kept]]]:
    dsn = server.create_database("cli_inspect")
    root = tmp_path_factory.mktemp("kinds")
    yield dsn, root, put_kinds(dsn, root)
    server.drop_database("cli_inspect")


@pytest.fixture
def commands(
    lake: tuple[str, Path, dict[str, Kept]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> Commands:
    dsn, root, kept = lake
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", root.as_uri())
    return Commands(kept, tmp_path, capsys)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_inspected_as_an_entry(commands: Commands, name: str) -> None:
    kept = commands.kept[name]
    expected = 0 if kept.kind.cause is Cause.NONE else 1
    code, answer = commands.json(kept.path)
    assert (code, answer["cause"], answer["layout"]) == (expected, kept.kind.cause, kept.kind.layout)
    assert sum(region["end"] - region["start"] for region in answer["regions"]) == len(kept.value)
    assert answer["entry"]["file_path"] == kept.path
    code, said = commands.text(kept.path)
    assert code == expected
    assert said.startswith(f"{kept.path}\n")
    for evidence in answer["evidence"]:
        assert evidence in said
    for region in answer["regions"]:
        assert region["what"] in said
    outcome = answer["after"]["outcome"]
    words = {"skipped": "A migration leaves it as it is", "would_migrate": "A migration would change it"}
    assert words.get(outcome, "A migration would fail") in said


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_inspected_as_a_raw_value(commands: Commands, name: str) -> None:
    kept = commands.kept[name]
    code, answer = commands.json("--blob", commands.blob(name), *kept.says)
    assert (code, answer["cause"]) == (0 if kept.kind.cause is Cause.NONE else 1, kept.kind.cause)
    assert "entry" not in answer
    alone, said = commands.text("--blob", commands.blob(name))
    assert alone in (0, 1)
    assert said.startswith(f"{commands.blob(name)}\n")


def test_before_and_after_say_what_changes(commands: Commands) -> None:
    kept = commands.kept["prefixed"]
    _, said = commands.text(kept.path)
    _, answer = commands.json(kept.path)
    after = answer["after"]
    assert (after["how"], after["proved"], after["status"]) == ("true_pointers", True, "ok")
    assert (
        f"{after['differences_total']} fields of the footer differ, {after['bytes_differing']} bytes together" in said
    )
    first = after["differences"][0]
    assert f"{first['path']}: {first['before']} -> {first['after']}" in said
    assert "before" in said


def test_without_a_store_an_entry_is_inspected_all_the_same(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MICROMEGAS_OBJECT_STORE_URI")
    code, said = commands.text(commands.kept["truncated"].path, "--read-only")
    assert code == 1
    assert "no object store is named to read the file from" in said
    code, answer = commands.json(commands.kept["prefixed"].path, "--read-only")
    assert (code, answer["after"]["outcome"]) == (1, "would_migrate")


def test_a_raw_value_says_what_it_needs_to_say_more(commands: Commands) -> None:
    _, said = commands.text("--blob", commands.blob("prefixed"))
    assert "--rows and --file-size say what the catalog would" in said
    _, said = commands.text("--blob", commands.blob("prefixed"), *commands.kept["prefixed"].says)
    assert "A migration would change it (true_pointers" in said


def test_the_tree_names_every_field_with_its_bytes(commands: Commands) -> None:
    kept = commands.kept["framed"]
    _, said = commands.text(kept.path, "--tree")
    assert "0-1" in said
    assert "version: i32 = 2" in said
    assert f"num_rows: i64 = {kept.file.num_rows}" in said
    assert "SchemaElement" in said
    assert "max_value" not in said
    _, part = commands.text(kept.path, "--tree", "row_groups[0].columns[1].meta_data")
    assert "codec: CompressionCodec = LZ4_RAW" in part
    assert "max_value: binary" in part
    _, answer = commands.json(kept.path, "--tree", "row_groups[0].columns[1]")
    assert answer["tree"][0]["path"] == "row_groups[0].columns[1]"
    for row in answer["tree"]:
        assert answer["tree"][0]["start"] <= row["start"] <= row["end"] <= answer["tree"][0]["end"]


def test_a_part_that_is_not_there_is_wrong_usage_and_says_what_is(commands: Commands) -> None:
    code, answer = commands.json(commands.kept["framed"].path, "--tree", "row_groups[9]")
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert "row_groups has [0]" in answer["error"]["message"]
    code, answer = commands.json(commands.kept["empty"].path, "--tree", "schema")
    assert code == 2


@pytest.mark.parametrize("name", ["empty", "zero_byte", "truncated", "bit_rot", "encrypted", "missing_num_rows"])
def test_broken_values_have_a_tree_and_a_hex_view_too(commands: Commands, name: str) -> None:
    path = commands.kept[name].path
    code, tree = commands.text(path, "--tree")
    assert code == 1
    readable = name in ("truncated", "bit_rot", "missing_num_rows")
    assert ("version: i32" in tree) == readable
    assert ("No part of the value can be read as a footer." in tree) != readable
    code, said = commands.text(path, "--hex")
    assert code == 1
    assert ("00000000 " in said or "[" in said) == (name != "empty")
    assert ("There are no bytes to show." in said) == (name == "empty")
    code, answer = commands.json(path, "--tree", "--hex")
    assert code == 1
    assert bool(answer["tree"]) == readable
    assert bool(answer["hex"]) == (name != "empty")


def test_the_hex_view_marks_what_is_wrong_by_brackets(commands: Commands) -> None:
    kept = commands.kept["zero_num_rows"]
    _, answer = commands.json(kept.path, "--hex")
    [mark] = answer["marks"]
    _, said = commands.text(kept.path, "--hex")
    marked = kept.value[mark["start"] : mark["end"]].hex(" ")
    assert f"[{marked}]" in said
    assert f"[{mark['start']}-{mark['end'] - 1}] {mark['what']}" in said
    for window in answer["hex"]:
        assert kept.value[window["start"] : window["end"]].hex() == window["hex"]


def test_a_range_of_bytes_is_shown_as_it_is_asked_for(commands: Commands) -> None:
    kept = commands.kept["framed"]
    for asked, start, end in (("4-9", 4, 10), ("0x10+3", 16, 19), ("2", 2, 258)):
        _, answer = commands.json(kept.path, "--hex", asked)
        assert answer["hex"] == [{"start": start, "end": end, "hex": kept.value[start:end].hex()}]
    for wrong in ("9-4", "x", "999999", "1-", "4+0"):
        assert commands.json(kept.path, "--hex", wrong)[0] == 2


def test_a_hex_view_is_never_as_long_as_the_value(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(3 << 20))
    _, said = commands.text("--blob", str(file), "--hex", "0-3000000", "--all")
    assert len(said) < 2 << 20
    assert "more bytes of the range" in said


def test_columns_and_pages_are_shown_with_values_of_their_types(commands: Commands) -> None:
    _, columns = commands.text(commands.kept["raw"].path, "--columns")
    assert "timestamp in ns, UTC" in columns
    assert "2026-03-02T" in columns
    assert "LZ4_RAW" in columns
    _, pages = commands.text(commands.kept["prefixed"].path, "--pages")
    assert "The page index is in the value itself." in pages
    assert "12 pages" in pages
    _, none = commands.text(commands.kept["raw"].path, "--pages")
    assert "No page index to show: in the file" in none


def test_all_shows_every_part(commands: Commands) -> None:
    kept = commands.kept["prefixed"]
    _, said = commands.text(kept.path, "--all")
    for part in (
        "FileMetaData: FileMetaData = ",
        "Row group 0: ",
        "The page index is",
        "00000000 ",
        "A migration would",
    ):
        assert part in said
    assert "--all shows more" not in said


def test_a_file_is_inspected_with_its_page_index(commands: Commands, lake: tuple[str, Path, dict[str, Kept]]) -> None:
    uri = f"{lake[1].as_uri()}/{commands.kept['framed'].path}"
    code, said = commands.text("--file", uri, "--pages")
    assert code == 0
    assert "The page index is in the file." in said
    assert commands.json("--file", f"{lake[1].as_uri()}/none.parquet")[0] == 2


def test_exit_codes_are_those_of_the_contract(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    assert commands.json(commands.kept["raw"].path)[0] == 0
    assert commands.json(commands.kept["empty"].path)[0] == 1
    assert commands.json("views/none")[0] == 2
    assert commands.json(commands.kept["raw"].path, "--rows", "3")[0] == 2
    assert commands.json("--blob", "x", "--file-size", "0")[0] == 2
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", "postgres://nobody@127.0.0.1:1/none")
    assert commands.json(commands.kept["raw"].path)[0] == 3


@pytest.fixture(scope="module")
def inspected(
    tmp_path_factory: pytest.TempPathFactory, lake: tuple[str, Path, dict[str, Kept]]
) -> dict[str, Inspection]:
    """A raw value of every kind, with what the catalog would say."""
    directory = tmp_path_factory.mktemp("blobs")
    found = {}
    with Session(Settings(dsn="", workers=1)) as session:
        for name, kept in lake[2].items():
            file = directory / name
            file.write_bytes(kept.value)
            says = {"num_rows": kept.file.num_rows, "file_size": len(kept.file.data)}
            found[name] = asyncio.run(inspect_blob(session.judges, str(file), **says))
    return found


def on_terminal(found: Inspection, width: int) -> list[str]:
    """The lines of all that can be shown, as a terminal of that width gets them, without the name above."""
    console = Console(
        file=io.StringIO(), force_terminal=True, color_system=None, width=width, record=True, markup=False, emoji=False
    )
    parts = Parts(Tree.of(found.footer, None, whole=False), True, True, HexView.of(found, None, whole=False))
    show_inspection(console, found, parts, summary=True)
    lines = console.export_text().splitlines()
    return lines[lines.index(next(line for line in lines if line.startswith(("✓", "○", "▲", "◆", "✗")))) :]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_wider_than_the_terminal(inspected: dict[str, Inspection], name: str, width: int) -> None:
    assert [line for line in on_terminal(inspected[name], width) if cell_len(line) > width] == []


def test_before_and_after_stand_side_by_side_where_there_is_room(inspected: dict[str, Inspection]) -> None:
    wide, narrow = (on_terminal(inspected["prefixed"], width) for width in (120, 80))
    assert any("before" in line and "after" in line for line in wide)
    assert narrow.index("Before") < narrow.index("After")


def test_the_first_page_of_a_usual_entry_fits_a_screen(inspected: dict[str, Inspection]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=100, record=True)
    show_inspection(console, inspected["prefixed"], Parts(), summary=True)
    assert len(console.export_text().splitlines()) <= 50


def test_ranges_are_written_with_their_last_byte() -> None:
    assert [byte_range(0, 553), byte_range(7, 8), byte_range(7, 7)] == ["0-552", "7", "at 7"]
    assert parse_range("0-552", 1000) == (0, 553)
    assert parse_range("0-552", 100) == (0, 100)
    with pytest.raises(UsageError):
        parse_range("100", 100)


def test_a_value_too_large_to_be_read_has_a_page_of_its_own(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refooter.catalog.pages.MAX_VALUE_BYTES", 1)
    code, said = commands.text(commands.kept["raw"].path, "--all")
    assert code == 1
    assert "more than are read" in said
    assert "A migration would fail (too_large)" in said
