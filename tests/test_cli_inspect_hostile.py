"""Footers full of what acts on a terminal: none of it reaches the output raw, whatever part is asked for."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import arro3.io
import psycopg
import pyarrow as pa
import pytest

from refooter.demo.files import ParquetFile
from refooter.demo.schema import create_catalog
from refooter.demo.values import bit_rot, footer
from refooter_tui.cli.main import main
from refooter_tui.text import visible
from support.kinds import put_entry
from support.workers import shared_workers

# what Python calls printable though it takes no room: a filler, a joiner, a variation selector; then clear screen, window
# title, C1 CSI, right-to-left override, zero width space, line and paragraph separator, tag, NUL
HOSTILE = "\u3164\u034f\ufe0f\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\u200b\u2028\u2029\U000e0041\x00\r\n\t\x7f"
SHOWN = "\\u3164\\u034f\\ufe0f\\x1b[2J"
PARTS = ((), ("--tree",), ("--columns",), ("--pages",), ("--hex",), ("--all",))

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    with shared_workers():
        yield


def hostile_file() -> bytes:
    """Column names, created_by, keys, values and statistics, all of them hostile."""
    name = f"column {HOSTILE}"
    table = pa.table(
        {
            name: pa.array([f"{HOSTILE}{at}" for at in range(20)]),
            f"binary {HOSTILE}": pa.array([HOSTILE.encode()] * 20, pa.binary()),
            f"list {HOSTILE}": pa.array([[HOSTILE]] * 20, pa.list_(pa.string())),
        }
    )
    out = io.BytesIO()
    arro3.io.write_parquet(
        table, out, created_by=f"writer {HOSTILE}", key_value_metadata={f"key {HOSTILE}": f"value {HOSTILE}"}
    )
    return out.getvalue()


def raw(said: str) -> set[str]:
    """What of a text would act on a terminal; line ends are the output's own."""
    return {character for character in said.replace("\n", "") if visible(character) != character}


@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: " ".join(parts) or "page")
def test_hostile_text_is_never_shown_raw(parts: tuple[str, ...], tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "hostile.parquet"
    file.write_bytes(hostile_file())
    assert main(["inspect", "--file", str(file), *parts]) == 0
    said = capsys.readouterr()
    assert raw(said.out) == set()
    assert raw(said.err) == set()
    if parts != ("--hex",):
        assert f"column {SHOWN}" in said.out


@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: " ".join(parts) or "page")
def test_hostile_text_in_a_broken_value_is_never_shown_raw(
    parts: tuple[str, ...], tmp_path: Path, capsys: Captured
) -> None:
    content = footer(hostile_file())
    file = tmp_path / "blob"
    for value in (content[: len(content) * 2 // 3], b"\x19" + content, content.replace(b"column", b"co\xff\x9b31")):
        file.write_bytes(value)
        assert main(["inspect", "--blob", str(file), "--rows", "20", "--file-size", "9000", *parts]) in (0, 1)
        said = capsys.readouterr()
        assert raw(said.out) == set()
        assert raw(said.err) == set()


def test_json_stays_ascii_and_valid_whatever_the_bytes_are(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "hostile.parquet"
    file.write_bytes(hostile_file())
    assert main(["inspect", "--file", str(file), "--json", "--tree", "--hex"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert raw(out) == set()
    told = json.loads(out)
    pairs = {pair["key"]: pair.get("value") for pair in told["footer"]["key_value_metadata"]}
    assert pairs[f"key {HOSTILE}"] == f"value {HOSTILE}"
    assert told["footer"]["created_by"].isprintable()


def test_a_hostile_name_of_a_value_or_a_part_is_escaped(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "blob\x1b[2J\u202e"
    file.write_bytes(footer(hostile_file()))
    assert main(["inspect", "--blob", str(file)]) == 0
    assert raw(capsys.readouterr().out) == set()
    assert main(["inspect", "--blob", str(file), "--tree", "\x1b[2J"]) == 2
    assert raw(capsys.readouterr().err) == set()


def test_a_hostile_entry_is_escaped_before_and_after(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    data = hostile_file()
    path = "views/log_entries/\u202egnp\u200b\u3164/x.parquet"  # with a control character it would name no object
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    with psycopg.connect(dsn) as connection:
        create_catalog(connection)
        put_entry(connection, path, bit_rot(ParquetFile("log_entries", data, 20, 1)), 20, len(data))
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", tmp_path.as_uri())
    for parts in PARTS:
        assert main(["inspect", path, *parts]) == 1
        said = capsys.readouterr()
        assert raw(said.out) == set()
        if parts == ("--all",):
            assert f"created_by: absent -> writer {SHOWN}" in said.out


def test_mutated_values_are_inspected_to_the_end(tmp_path: Path, capsys: Captured) -> None:
    seeded = random.Random(5)
    content = footer(hostile_file())
    file = tmp_path / "blob"
    for _ in range(12):
        value = bytearray(content)
        for _ in range(seeded.randrange(1, 12)):
            value[seeded.randrange(len(value))] = seeded.randrange(256)
        file.write_bytes(bytes(value))
        assert main(["inspect", "--blob", str(file), "--all"]) in (0, 1)
        said = capsys.readouterr()
        assert "bug in refooter" not in said.err
        assert raw(said.out) == set()
