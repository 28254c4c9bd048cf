"""How a text gets to a clipboard: a tool of the desktop's where the session is local, tmux's own buffer, or a request to the terminal.

A terminal never says whether it took what it was sent (OSC 52 has no answer), so nothing here says "copied" unless a program said
so, and the text always goes to a file too.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from textual.app import App

from refooter_tui.text import visible

FILE_NAME: Final = "copied.txt"
MOST_BASE64: Final = 74_994
"""Longer sequences are cut or dropped by some terminals (xterm's and hterm's limit is 100,000 bytes, in whatever unit)."""
# A tool that hangs, on a display that is gone, must not keep anybody waiting for the next way.
_PATIENCE_SECONDS: Final = 2.0
# GNU screen passes on strings of fewer than 768 bytes (MAXSTR in its display code).
_SCREEN_CHUNK: Final = 700
_REMOTE: Final = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that takes a text on its standard input. `said` goes into the sentence when it has ended with 0."""

    program: str
    arguments: tuple[str, ...]
    said: str
    encoding: str = "utf-8"


_TMUX: Final = Tool("tmux", ("load-buffer", "-w", "-"), "put into tmux's buffer and sent to the terminal")


async def send(
    app: App[Any],
    text: str,
    directory: Path,
    environ: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> str:
    """Sends a text wherever it can be pasted from, saves it to `copied.txt` in a directory, and says in a sentence what became of
    it. Takes seconds where a tool hangs; never raises."""
    data = true_bytes(text)
    file = directory / FILE_NAME
    problem = await asyncio.to_thread(write_whole, data, file)
    saved = f"saved to {visible(str(file))}" if problem is None else f"not saved to {visible(str(file))}: {problem}"
    # What ctrl+v in a field of Textual's own puts there; `copy_to_clipboard` would set it too, but always writes a bare OSC 52.
    app._clipboard = text
    tool = await asyncio.to_thread(_handed_over, text, data, environ, platform)
    if tool is not None:
        return f"{tool.said}, and {saved}"
    if not fits_a_terminal(data):
        return f"{len(data):,} bytes are too many for a terminal: only {saved}"
    # There is no public way to the terminal but `App.copy_to_clipboard`, which writes to the driver like this, unwrapped.
    if app._driver is not None:
        for sequence in sequences(data, environ):
            app._driver.write(sequence)
    return f"sent to the terminal, and {saved}"


def copy(app: App[Any], what: str, text: str | Callable[[], str], directory: Path) -> None:
    """Sends a text in the background, one that takes long to make by a function that is called in a thread; a toast with the
    title `what` says what became of it."""

    async def send_and_say() -> None:
        made = text if isinstance(text, str) else await asyncio.to_thread(text)
        app.notify(await send(app, made, directory), title=visible(what), markup=False)

    app.run_worker(send_and_say(), group="clipboard", exit_on_error=False)


def true_bytes(text: str) -> bytes:
    """The bytes that a text stands for: those that Python escaped as lone surrogates are themselves again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def fits_a_terminal(data: bytes) -> bool:
    return (len(data) + 2) // 3 * 4 <= MOST_BASE64


def tools(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> list[Tool]:
    """What there may be to copy with, the best first. Over SSH a clipboard of this machine is one that nobody sits at."""
    if any(environ.get(name) for name in _REMOTE):
        return []
    found = []
    if environ.get("WAYLAND_DISPLAY"):
        found.append(Tool("wl-copy", (), "copied with wl-copy"))
    if environ.get("DISPLAY"):
        found.append(Tool("xclip", ("-selection", "clipboard"), "copied with xclip"))
        found.append(Tool("xsel", ("--clipboard", "--input"), "copied with xsel"))
    if platform == "darwin":
        found.append(Tool("pbcopy", (), "copied with pbcopy"))
    if environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"):
        # It takes what is not UTF-16 for the console's code page.
        found.append(Tool("clip.exe", (), "copied with clip.exe", "utf-16-le"))
    return found


def sequences(data: bytes, environ: Mapping[str, str] = os.environ) -> list[str]:
    """What to write to the terminal for it to take `data` as its clipboard (xterm's control sequences: OSC 52)."""
    encoded = base64.b64encode(data).decode("ascii")
    bare = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        # tmux passes on what is wrapped if allow-passthrough is on, and takes what is bare itself if set-clipboard is on
        doubled = bare.replace("\x1b", "\x1b\x1b")
        return [f"\x1bPtmux;{doubled}\x1b\\", bare]
    if environ.get("STY"):
        return [f"\x1bP{bare[start : start + _SCREEN_CHUNK]}\x1b\\" for start in range(0, len(bare), _SCREEN_CHUNK)]
    return [bare]


def _handed_over(text: str, data: bytes, environ: Mapping[str, str], platform: str) -> Tool | None:
    """The first tool that took the text."""
    candidates = tools(environ, platform)
    if environ.get("TMUX") and fits_a_terminal(data):
        # Measured with 3.3: this reaches the terminal whatever set-clipboard and allow-passthrough say, and by default they
        # let neither a bare nor a wrapped sequence through. Before 3.2 there is no -w, and it fails.
        candidates.append(_TMUX)
    for tool in candidates:
        own = data if tool.encoding == "utf-8" else text.encode(tool.encoding, "surrogatepass")
        if _taken(tool, own, environ):
            return tool
    return None


def _taken(tool: Tool, data: bytes, environ: Mapping[str, str]) -> bool:
    program = shutil.which(tool.program, path=environ.get("PATH"))
    if program is None:
        return False
    try:
        # wl-copy and xclip stay behind to serve the text: not with our descriptors, and not in a session that ends with the
        # terminal.
        done = subprocess.run(  # noqa: S603 (no shell, and no argument that is not written above)
            [program, *tool.arguments],
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            env=dict(environ),
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def write_whole(data: bytes, file: Path) -> str | None:
    """All of it or nothing, where only its owner reads it; what went wrong, if something did."""
    temporary: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # made with mode 0600, as `tempfile` makes all of its files
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}-", delete=False) as opened:
            temporary = Path(opened.name)
            opened.write(data)
        temporary.replace(file)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        return error.strerror or type(error).__name__
    return None
