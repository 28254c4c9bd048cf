"""How a text gets to a clipboard: which way, with what sequence, what is said of it, and the file that always has it."""

from __future__ import annotations

import base64
import re
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.stage import Stage
from refooter_tui.app import clipboard
from refooter_tui.app.clipboard import MOST_BASE64, copy, fits_a_terminal, send, sequences, tools, true_bytes

LOCAL = {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}

MakeTool = Callable[..., Path]


@pytest.fixture
def tool(tmp_path: Path) -> MakeTool:
    """Puts a program on a path of the test's own, and says what it will have been given."""

    def make(name: str, *, code: int = 0, body: str = "") -> Path:
        got = tmp_path / f"{name}.got"
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport sys, time\n{body}\n"
            f"open({str(got)!r}, 'wb').write(' '.join(sys.argv[1:]).encode() + b'|' + sys.stdin.buffer.read())\n"
            f"sys.exit({code})\n"
        )
        program.chmod(0o755)
        return got

    return make


async def sent(text: str, directory: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """The sentence, and all that was written to the terminal for it."""
    app = Stage()
    async with app.run_test():
        written: list[str] = []
        assert app._driver is not None
        app._driver.write = written.append  # type: ignore[method-assign]
        said = await send(app, text, directory / "state", environ | {"PATH": str(directory / "bin")}, "linux")
        app._driver.write = lambda data: None  # type: ignore[method-assign]
        assert app.clipboard == text
    return said, "".join(piece for piece in written if "52;c;" in piece or piece.startswith("\x1bP"))


def of_terminal(sequence: str) -> bytes:
    """What a terminal takes from a bare OSC 52."""
    found = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sequence)
    assert found is not None, sequence
    return base64.b64decode(found[1], validate=True)


async def test_a_tool_of_the_desktop_takes_the_text_and_only_then_is_it_called_copied(
    tmp_path: Path, tool: MakeTool
) -> None:
    got = tool("wl-copy")
    said, written = await sent("views/a b.parquet", tmp_path, LOCAL)
    assert got.read_bytes() == b"|views/a b.parquet"
    assert said == f"copied with wl-copy, and saved to {tmp_path / 'state' / 'copied.txt'}"
    assert not written


async def test_a_tool_that_fails_or_is_not_there_leaves_it_to_the_next(tmp_path: Path, tool: MakeTool) -> None:
    tool("wl-copy", code=1)
    got = tool("xsel")
    said, written = await sent("x", tmp_path, LOCAL)
    assert said.startswith("copied with xsel")
    assert got.read_bytes() == b"--clipboard --input|x"
    assert not written


async def test_a_tool_that_hangs_is_given_up_and_the_terminal_is_asked(
    tmp_path: Path, tool: MakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipboard, "_PATIENCE_SECONDS", 0.2)
    tool("wl-copy", body="time.sleep(600)")
    said, written = await sent("x", tmp_path, {"WAYLAND_DISPLAY": "wayland-0"})
    assert said.startswith("sent to the terminal, and saved to ")
    assert of_terminal(written) == b"x"


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"])
async def test_over_ssh_the_tools_of_a_desktop_that_nobody_sits_at_are_left_alone(
    tmp_path: Path, tool: MakeTool, variable: str
) -> None:
    got = tool("wl-copy")
    said, written = await sent("x", tmp_path, LOCAL | {variable: "1"})
    assert said.startswith("sent to the terminal")
    assert of_terminal(written) == b"x"
    assert not got.exists()


def test_each_desktop_has_its_tools() -> None:
    assert [one.program for one in tools(LOCAL, "linux")] == ["wl-copy", "xclip", "xsel"]
    assert [one.program for one in tools({}, "darwin")] == ["pbcopy"]
    assert [one.program for one in tools({"WSL_DISTRO_NAME": "Debian"}, "linux")] == ["clip.exe"]
    assert tools({}, "linux") == []


async def test_windows_gets_utf_16(tmp_path: Path, tool: MakeTool) -> None:
    got = tool("clip.exe")
    await sent("größe", tmp_path, {"WSL_INTEROP": "1"})
    assert got.read_bytes() == b"|" + "größe".encode("utf-16-le")


async def test_tmux_takes_it_into_its_buffer_and_is_not_said_to_have_copied(tmp_path: Path, tool: MakeTool) -> None:
    got = tool("tmux")
    said, written = await sent("x", tmp_path, {"TMUX": "/tmp/tmux-0/default,1,0", "SSH_TTY": "1"})
    assert got.read_bytes() == b"load-buffer -w -|x"
    assert said.startswith("put into tmux's buffer and sent to the terminal, and saved to ")
    assert not written


async def test_an_old_tmux_gets_a_wrapped_sequence_and_a_bare_one(tmp_path: Path, tool: MakeTool) -> None:
    tool("tmux", code=1)
    said, written = await sent("x", tmp_path, {"TMUX": "1"})
    wrapped = re.match(r"\x1bPtmux;((?:\x1b\x1b|[^\x1b])*)\x1b\\", written)
    assert wrapped is not None
    assert of_terminal(wrapped[1].replace("\x1b\x1b", "\x1b")) == b"x"
    assert of_terminal(written[wrapped.end() :]) == b"x"
    assert said.startswith("sent to the terminal")


def test_screen_gets_chunks_that_it_passes_on_and_that_make_one_sequence() -> None:
    text = bytes(range(256)) * 20
    pieces = sequences(text, {"STY": "1.pts-0"})
    inner = []
    for piece in pieces:
        assert len(piece) < 768
        found = re.fullmatch(r"\x1bP(.*)\x1b\\", piece, re.DOTALL)
        assert found is not None
        inner.append(found[1])
    assert len(pieces) > 1
    assert of_terminal("".join(inner)) == text
    # an escape at the end of a chunk would read as the beginning of the chunk's own end
    assert not any(one.endswith("\x1b") for one in inner)


async def test_what_is_too_large_for_a_terminal_is_only_saved_and_said_so(tmp_path: Path) -> None:
    most = MOST_BASE64 // 4 * 3
    assert fits_a_terminal(b"x" * most)
    assert not fits_a_terminal(b"x" * (most + 1))
    said, written = await sent("x" * (most + 1), tmp_path, {"TMUX": "1"})
    file = tmp_path / "state" / "copied.txt"
    assert said == f"{most + 1:,} bytes are too many for a terminal: only saved to {file}"
    assert not written
    assert file.stat().st_size == most + 1


async def test_a_tool_takes_what_is_too_large_for_a_terminal(tmp_path: Path, tool: MakeTool) -> None:
    got = tool("wl-copy")
    said, _ = await sent("x" * 3_000_000, tmp_path, LOCAL)
    assert said.startswith("copied with wl-copy")
    assert got.stat().st_size == 3_000_001


async def test_the_file_has_the_true_bytes_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "copied.txt"
    file.parent.mkdir()
    file.write_text("of an earlier time")
    file.chmod(0o644)
    text = b"views/\xff\x1b[31m\xe2\x80\xae\n.parquet".decode("utf-8", "surrogateescape")
    _, written = await sent(text, tmp_path, {})
    assert file.read_bytes() == b"views/\xff\x1b[31m\xe2\x80\xae\n.parquet"
    assert of_terminal(written) == file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["copied.txt"]


def test_a_surrogate_that_stands_for_no_byte_is_no_error() -> None:
    assert true_bytes("a\ud800\udcff") == b"a\xed\xa0\x80\xed\xb3\xbf"


async def test_where_nothing_can_be_saved_it_is_sent_all_the_same_and_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    said, written = await sent("x", tmp_path, {})
    assert said == f"sent to the terminal, and not saved to {tmp_path / 'state' / 'copied.txt'}: File exists"
    assert of_terminal(written) == b"x"


async def test_a_copy_in_the_background_ends_in_a_toast_that_shows_no_escapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_TTY", "1")
    monkeypatch.delenv("TMUX", raising=False)
    app = Stage()
    async with app.run_test():
        copy(app, "path\x1b[31m", "x", tmp_path)
        await app.workers.wait_for_complete()
        [toast] = list(app._notifications)
        assert toast.title == "path\\x1b[31m"
        assert toast.message.startswith("sent to the terminal, and saved to ")
        assert not toast.markup
