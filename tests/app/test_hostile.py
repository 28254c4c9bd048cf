"""A lake that was made to harm whoever looks at it: the real program on a real terminal, every pane, tab and dialog, and not one
byte of it in what reaches the terminal; while copies and exports say exactly what the catalog says."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import arro3.io
import psycopg
import pyarrow as pa
import pytest

from app.terminal import ENTER, Terminal, judged, terminal
from refooter.demo.files import ParquetFile
from refooter.demo.lake import build_lake
from refooter.demo.server import Server
from refooter.demo.values import footer, frame, prefixed
from refooter.parquet.edit import splice
from refooter.parquet.thrift import Field, List, Struct, decode, encode_varint
from refooter_tui.text import visible
from support.tables import execute, rows

# Window title, cursor, a style, keys to be typed by the terminal (DECRQSS, answerback), C1, line ends, bidirectional controls, what
# takes no room, separators, tags, annotations. NUL and lone surrogates no UTF-8 database can hold.
ACTS: Final = (
    "\x1b]0;owned\x07", "\x1b[66;66H", "\x1b[7;31;5m", "\x1bP$qm\x1b\\", "\x05", "\x9b66m", "\x9d0;owned\x9c", "\x85", "\r\n", "\t", "\x7f",
    "\u202e", "\u2066", "\u2069", "\u200b", "\u200f", "\u2028", "\u2029", "\u2060", "\ufeff", "\u061c", "\U000e0041", "\ufff9",
)  # fmt: skip
HOSTILE: Final = "".join(ACTS)
# of these, what a store takes in a name
QUIET: Final = "".join(one for one in ACTS if min(one) > "\x9f")
MARKUP: Final = "[red]m[@click=app.quit]n"
CLOSING: Final = f"{MARKUP}[/][/nothing]"
# The beginning of it as it has to be on the screen, wherever there is room for that.
SHOWN: Final = "\\x1b]0;owned"
SIZES: Final = ((80, 24), (160, 50))

# What a terminal program itself says: CSI with plain parameters, the character sets, and OSC 52 with base64, for the clipboard.
_OURS: Final = re.compile(
    "\x1b\\[[<=>?0-9;:$]*[ -/]?[@-~]|\x1b[()][0-9A-B]|\x1b[78=>]"
    "|\x1b\\]52;[a-z]*;[A-Za-z0-9+/=]*(?:\x07|\x1b\\\\)"  # the clipboard, in base64
    "|\x1b\\]22;[a-z]+\x07"  # the pointer's shape
    "|\x07|[\r\n]"
)


def written(raw: bytes) -> str:
    """What reached the terminal beside a program's own sequences, with everything in it that would act on a terminal."""
    return _OURS.sub("", raw.decode("utf-8", "surrogateescape"))


def acting(said: str) -> set[str]:
    return {character for character in said if visible(character) != character}


def hostile_file() -> ParquetFile:
    """Column names, `created_by`, keys, values and statistics, all of them hostile; by the new engine's writer."""
    table = pa.table(
        {
            f"column {HOSTILE}": pa.array([f"{HOSTILE}{at}" for at in range(20)]),
            f"binary {CLOSING}": pa.array([HOSTILE.encode()] * 20, pa.binary()),
            f"list {HOSTILE}": pa.array([[HOSTILE]] * 20, pa.list_(pa.string())),
        }
    )
    out = io.BytesIO()
    arro3.io.write_parquet(
        table,
        out,
        created_by=f"parquet-rs version {HOSTILE}",
        key_value_metadata={f"key {HOSTILE}{CLOSING}": f"value {HOSTILE}{CLOSING}"},
    )
    return ParquetFile("log_entries", out.getvalue(), 20, 1)


def another_schema(file: ParquetFile) -> bytes:
    """The embedded Arrow schema names another column: the target parser's message says both names."""
    content = footer(file.data)
    schema = pa.schema([(f"other {HOSTILE}{CLOSING}", pa.string()), ("b", pa.binary()), ("c", pa.list_(pa.string()))])
    value = base64.b64encode(schema.serialize().to_pybytes())
    pairs = _value(decode(content).root, 5)
    assert isinstance(pairs, List)
    pair = next(pair for pair in pairs.values if isinstance(pair, Struct) and pair.value(1) == b"ARROW:schema")
    field = next(field for field in pair.fields if field.id == 2)
    assert isinstance(field.value, bytes)
    start = field.end - len(field.value) - len(encode_varint(len(field.value)))
    return frame(splice(content, [(start, field.end, encode_varint(len(value)) + value)]))


def _value(struct: Struct, id: int) -> object:
    found: Field | None = struct.get(id)
    assert found is not None
    return found.value


@dataclass(frozen=True)
class HostileLake:
    dsn: str
    store: str
    label: str
    paths: tuple[str, ...]
    entries: int


@pytest.fixture
def lake(server: Server, tmp_path: Path) -> Iterator[HostileLake]:
    database = "db \x1b]0;owned\x07\x9b66m\u202e\n [red]x"
    root = tmp_path / f"lake {QUIET}[red]"
    dsn = server.create_database(database)
    try:
        made = build_lake(dsn, root, entries=20)
        file = hostile_file()
        paths = tuple(
            f"views/evil{HOSTILE if name == 'unsafe' else QUIET}/{MARKUP}/2026-03-01/{name}.parquet" for name in _VALUES
        )
        with psycopg.connect(dsn) as connection:
            for path, (name, build) in zip(paths, _VALUES.items(), strict=True):
                connection.execute("INSERT INTO partition_metadata VALUES (%s, %s, now(), 2)", (path, build(file)))
                connection.execute(
                    "INSERT INTO lakehouse_partitions (view_set_name, view_instance_id, file_path, file_size, num_rows,"
                    " partition_format_version) VALUES (%s, %s, %s, %s, 20, 2)",
                    (path.split("/")[1], MARKUP, path, len(file.data)),
                )
                if name not in ("gone", "unsafe"):
                    target = root / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.data)
        refuse(dsn, paths[list(_VALUES).index("refused")])
        yield HostileLake(
            dsn, "file://" + quote(str(root)), f"prod {HOSTILE}{MARKUP}", paths, made.entries + len(paths)
        )
    finally:
        server.drop_database(database)


_VALUES: Final = {
    "prefixed": prefixed,
    "schema": another_schema,
    "refused": prefixed,
    "unsafe": prefixed,
    "gone": lambda file: footer(file.data)[:40],
    f"long {'x' * 240}": lambda file: footer(file.data),
}


PREFIXED: Final = list(_VALUES).index("prefixed")


def refuse(dsn: str, path: str) -> None:
    """A trigger that lets nobody change this entry, and says so in its own words."""
    execute(
        dsn,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
        f" USING MESSAGE = convert_from('\\x{f'refused {CLOSING}{HOSTILE}'.encode().hex()}', 'UTF8'); END $$",
    )
    with psycopg.connect(dsn) as connection:
        literal = psycopg.sql.Literal(path).as_string(connection)
        connection.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON partition_metadata FOR EACH ROW"  # type: ignore[arg-type]
            f" WHEN (OLD.file_path = {literal}) EXECUTE FUNCTION refuse()"
        )


# What each tab of the detail has to say of a hostile entry, in their order.
TABS: Final = (
    ("evidence", "\\x1b"), ("FileMetaData", SHOWN), ("column " + SHOWN, "binary [red]"), ("row group 0",), ("Row group 0:",),
    ("page index", "owned"), ("ARROW:schema", SHOWN, "[@click"), ("column indexes of",), ("migration",), ("this entry",),
)  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_a_hostile_lake_is_seen_whole_and_reaches_no_terminal(
    lake: HostileLake, tmp_path: Path, size: tuple[int, int]
) -> None:
    state = tmp_path / "state"
    with terminal("tui", "--dsn", lake.dsn, "--store", lake.store, state=state, size=size) as there:
        judged(there, lake.entries)
        there.filter_by("evil", f"{len(lake.paths)} of {lake.entries} shown")
        look_at_every_tab(there, wide=size[0] >= 120)
        look_at_the_parsers_words(there, wide=size[0] >= 120)
        look_at_left(there)
        copy_the_path(there, state, lake.paths[PREFIXED])
        export(there, tmp_path / "out.csv", set(lake.paths))
        run_and_go_back(there)
        look_at_the_rest(there)
        paste_into_every_field(there)
        there.press("q")
        there.ended()
    said = written(bytes(there.raw))
    assert acting(said) == set()
    assert "Traceback" not in said
    for piece in ("\x1b]0;owned", "\x1b[66;66H", "\x1b[7;31;5m", "\x1bP$q", "\x1b[66m"):
        assert piece not in there.raw.decode("utf-8", "surrogateescape")
    assert rows(lake.dsn, "SELECT count(*) FROM refooter.run")[0][0] == 2


def look_at_every_tab(there: Terminal, *, wide: bool) -> None:
    there.press_until(ENTER, lambda text: TABS[0][0] in text)
    for number, words in enumerate(TABS):
        if number:
            there.press("]")
        there.sees(*words)
    if wide:
        there.press("]")
        there.sees(*TABS[0])
        there.press("3")
    else:
        there.leave("this entry")
    there.in_the_table()


def look_at_left(there: Terminal) -> None:
    """Views, causes with the parser's own words, runs."""
    there.press("1")
    there.sees("[Views]", "\\ufff9")
    there.press("]")
    there.sees("[Causes]")
    there.press("G ")
    there.sees("ArrowError")
    there.press("]")
    there.sees("[Runs]")
    there.press("[[")
    there.sees("[Views]")
    there.press("3")
    there.in_the_table()


def look_at_the_parsers_words(there: Terminal, *, wide: bool) -> None:
    filter_too(there, " schema")
    there.press_until(ENTER, lambda text: "incompatible" in text)
    if wide:
        there.press("3")
    else:
        there.leave("incompatible")
    filter_no_more(there, " schema")


def filter_too(there: Terminal, words: str) -> None:
    """More words in the filter, which leave one entry."""
    there.filter_by(words, "1 of ")


def filter_no_more(there: Terminal, words: str) -> None:
    there.filter_by("\x7f" * len(words), "6 of ")


def copy_the_path(there: Terminal, state: Path, path: str) -> None:
    """What is copied is what the catalog says, to the byte."""
    filter_too(there, " prefixed")
    there.press("c")
    there.sees("Copy", "path", "\\u202e")
    there.press("p")
    there.until(lambda text: "Copy" not in text)
    saved = state / "refooter" / "copied.txt"
    there.until_so(lambda: saved.exists() and saved.read_text("utf-8") == path)
    filter_no_more(there, " prefixed")


def export(there: Terminal, file: Path, paths: set[str]) -> None:
    there.press("e")
    there.sees("Export")
    there.press("\x15")
    there.until(lambda text: "-o''" in re.sub(r"[\s│]", "", text))
    there.press(str(file))
    there.sees(file.name)
    there.press(ENTER)
    there.until_so(lambda: file.exists() and file.stat().st_size)
    there.until(lambda text: "Export" not in text)
    there.sees("exported")
    with file.open(encoding="utf-8", newline="") as text:
        assert {row["file_path"] for row in csv.DictReader(text)} == paths


def run_and_go_back(there: Terminal) -> None:
    """A plan, a rehearsal, a run that the database refuses a part of with words of its own, and back."""
    there.press("am")
    there.sees("Plan: migrate", "y go")
    there.press_until("d", lambda text: "╭─ Dry run" in text)
    there.leave("╭─ Dry run")
    there.press("m")
    there.sees("Plan: migrate", "y go")
    there.press_until("y", lambda text: "╭─ Run 1" in text)
    there.press_until("\x1b[B", lambda text: "PostgreSQL refuse" in text)
    there.leave("╭─ Run 1")
    there.press("o")
    there.sees("[Runs]", "migrate")
    there.press_until(ENTER, lambda text: "╭─ Run 1" in text)
    there.press_until("u", lambda text: "╭─ Roll back" in text)
    there.press_until("y", lambda text: "╭─ Run 2" in text)
    there.leave("╭─ Run 2")
    there.press("3")
    there.in_the_table()


def look_at_the_rest(there: Terminal) -> None:
    there.press("v")
    there.sees("╭─ Verif")
    there.leave("╭─ Verif")
    there.press("?")
    there.sees("╭─ Keys")
    there.leave("╭─ Keys")
    there.press("6")
    there.sees("severity")
    there.press("z")
    there.sees("failed database", "\\u202e")
    there.press("z3")
    there.in_the_table()
    there.press("R")
    for line in range(1, 6):
        there.move_mouse(20, line)


def paste_into_every_field(there: Terminal) -> None:
    """A paste is foreign too."""
    there.filter_by(HOSTILE + MARKUP, "0 of ", pasted=True)
    there.press(":")
    there.sees("what to do")
    there.paste(HOSTILE + MARKUP)
    there.sees("no action is called that")
    there.leave("no action is called that")
    there.filter_by("\x7f" * 200, "26 of 26 shown")
    there.press("e")
    there.sees("╭─ Export")
    there.paste(QUIET + HOSTILE + MARKUP)
    there.sees("\\u202e")
    there.leave("╭─ Export")
