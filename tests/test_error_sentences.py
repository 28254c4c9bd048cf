"""Every sentence that the program can say when something is wrong (`pytest -s` prints them all): what is wrong, and what to do."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Final

import pytest

import refooter
import refooter_tui
from refooter.errors import RefooterError
from refooter.values import Reason
from refooter_tui.cli import words
from support.sentences import Sentence, sentences


def _names(of: type[RefooterError]) -> Iterator[str]:
    yield of.__name__
    for one in of.__subclasses__():
        yield from _names(one)


@pytest.fixture(scope="module")
def stopping() -> set[str]:
    """The names of all errors that end a command."""
    for package in (refooter, refooter_tui):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    # of one entry, with a reason code that stands before its sentence
    return set(_names(RefooterError)) - {"NotHealed"}


@pytest.fixture(scope="module")
def all_of_them(stopping: set[str]) -> list[Sentence]:
    # a message of the app's own has the name of an error
    found = [one for one in sentences(stopping) if not (one.kind == "CatalogChanged" and "/app/" in one.where)]
    for one in sorted(found, key=lambda one: (one.kind, one.where)):
        print(f"{one.kind:20} {one.text}   [{one.where}]")
    return found


# What ends a command says what to do: an imperative behind a colon, a semicolon or a comma, a command of ours, or what there is.
_VERBS: Final = (
    "allow|ask|change|check|choose|connect|correct|drop|end|escape|find|free|give|go|have|install|leave|look|make|mend|name|open|put"
    "|roll|run|say|see|set|start|stop|take|try|upgrade|use|wait|write"
)
_REMEDY: Final = re.compile(
    rf"[:;,(]\s(?:or |and |then )?(?:{_VERBS})\b"
    r"|`refooter [^`]+`|`‹self\.prog› --help`"
    r"|did you mean |there are ‹|it has ‹|lists them|has to (?:be|begin)|keys are written|is needed|\bis this Python environment whole\?"
    r"|pip install|--force|--allow-empty|^missing rights?: "
)

# Sentences that need no second half, each with why.
SELF_EVIDENT: Final = {
    "not a number from 1 up: '‹text›'": "argparse names the option before it",
    "not a rate above 0: '‹text›'": "argparse names the option before it",
    "a demo needs one entry at least": "ask for one",
    "the connection is busy or closed": "of a program's own: give another, or wait",
    "nothing of the value can be read as a footer, so there is no '‹path›' in it": "there is nothing to be done about it",
    "the value has ‹plural(size, 'byte')›, and none of them are in the range '‹text›'": "says which bytes there are",
    "--rows and --file-size go with --blob: of anything else they are known": "leave them out",
    "--read-only allows a --dry-run only": "says both ways",
    "no ‹noun› has a name that is not UTF-8: '‹text›'": "there is no such name, so none to be found",
    "no ‹noun› has a name with a NUL in it: '‹text›'": "there is no such name, so none to be found",
    "the list of paths '‹name›' is not UTF-8 in line ‹line›": "names the line",
    "the configuration file ‹file› is not UTF-8 in line ‹line›": "names the line",
    "the configuration file ‹file› is not TOML at its end": "names the place",
    "the configuration file ‹file› is not TOML at ‹place[1]›": "names the place",
    "the configuration file ‹file› is not TOML": "says what the file has to be",
    "the configuration file ‹file› is not TOML: it is nested too deeply": "says what is wrong with it",
    "cannot read the configuration file ‹file›: ‹error.strerror›": "the operating system says why",
    "cannot read the list of paths '‹name›': ‹error.strerror›": "the operating system says why",
    "no profile '‹name›' in ‹file›; it has none": "says where to put one",
    "[keys] ‹name›: there is no key between two commas; the comma's own name is 'comma'": "says how a comma is written",
    "there is no '‹path›' in the footer: ‹where› has ‹', '.join(names)›‹more›": "says what is there instead",
    "there is no '‹path›' in the footer: ‹where› has no parts": "says what is there instead",
    "'‹shown(target)›' does not end in ‹', '.join(_FORMATS)›: the ending says how the rows are written": "lists the endings",
    "PostgreSQL did not start in ‹directory›: ‹' / '.join(words)›": "the server's own last words",
    "‹root.scheme›:// needs a package that is not installed: ‹scrubbed(str(error))›": "fsspec names the package",
    "cannot reach PostgreSQL at ‹address.shown›: ‹said›‹advice›": "an advice where there is one, else the network's own words",
    "not migrated: the answer was no, and nothing was written": "nothing is to be done",
    "not rolled back: the answer was no, and nothing was written": "nothing is to be done",
    "not restored: the answer was no, and nothing was written": "nothing is to be done",
    "not pruned: the answer was no, and nothing was dropped": "nothing is to be done",
    "run ‹self.run_id› was closed by another process: stopped without writing further": "another process is at work",
    "run ‹self._writer.run_id› was closed by another process: stopped without writing further": "another process is at work",
    "the catalog in ‹shown› has no lakehouse_migration table, so its version is unknown": "no catalog of a known engine",
    "lakehouse_migration in ‹shown› holds ‹len(versions)› rows instead of one: the catalog is damaged": "not ours to mend",
    "lakehouse_migration in ‹shown› holds no version: the catalog is damaged": "not ours to mend",
    "the catalog in ‹shown› says version ‹number› but has no table partition_metadata": "not ours to mend",
    "the catalog in ‹shown› says version ‹number› but has no table lakehouse_partitions": "not ours to mend",
    "the catalog in ‹shown› says version ‹number›, but ‹table› lacks the column ‹', '.join(sorted(missing))›": "not ours to mend",
    "the catalog in ‹shown› is of version ‹number›, which has no footers to migrate: its engine reads them"
    " from object storage": "nothing is to be done",
    "the catalog in ‹self.address.shown› holds text that is not UTF-8, which no engine can read: ‹self.reason(error)›": "not ours to mend",
}

# Not sentences by themselves: what is wrong with a file, for the sentence that names it.
PARTS: Final = frozenset({"BadBackup"})

# Where a sentence comes whole from elsewhere, and is collected there.
PASSED_ON: Final = {
    "error.sentence": "a store's, of `StoreFailure`",
    "failure.sentence": "a store's, of `StoreFailure`",
    "self._sentence(failures)": "of the first look at a store (jobs/proof.py)",
    "message": "argparse's own",
}


def test_each_is_one_sentence_in_our_own_words(all_of_them: list[Sentence]) -> None:
    bad = [one for one in all_of_them if (wrong := _not_a_sentence(one.text)) and not print(wrong, one)]
    assert bad == []


def _not_a_sentence(text: str) -> str | None:
    if "\n" in text or text != text.strip():
        return "more than a line"
    if re.search(r"[.:;,]$", text) and not text.endswith("..."):
        return "junk at its end"
    if re.match(r"[A-Z][a-z]", text) and not text.startswith(("PostgreSQL ", "Parquet ", "Arrow ")):
        return "begins like a paragraph"
    if re.search(r"\s{2}|(?<!\.\.)\.\s", text):
        return "two sentences"
    return None


def test_what_ends_a_command_says_what_to_do(all_of_them: list[Sentence], stopping: set[str]) -> None:
    bad = [
        one
        for one in all_of_them
        if one.kind in (stopping | {"ArgumentTypeError"}) - PARTS
        and one.text not in SELF_EVIDENT
        and not _passed_on(one.text)
        and not _REMEDY.search(one.text)
    ]
    assert [f"{one.text} [{one.where}]" for one in bad] == []


def _passed_on(text: str) -> bool:
    return text.startswith("‹") and text.endswith("›") and text[1:-1] in PASSED_ON


def test_none_is_the_bare_text_of_an_exception(all_of_them: list[Sentence], stopping: set[str]) -> None:
    """Words of our own before somebody else's, however they came to be there."""
    bad = [one for one in all_of_them if one.kind in stopping and len(one.own.split()) < 2 and not _passed_on(one.text)]
    assert [f"{one.text} [{one.where}]" for one in bad] == []


def test_a_reason_why_an_entry_was_not_mended_has_words_and_an_advice(all_of_them: list[Sentence]) -> None:
    said = [one.text for one in all_of_them if one.kind == "Reason"]
    assert len(said) > 20
    assert set(words.REASONS) == set(Reason)
    assert all(advice.endswith(".") for advice in (*words.REASONS.values(), words.CONFLICT))


def test_what_needs_no_second_half_is_still_said_somewhere(all_of_them: list[Sentence]) -> None:
    there = {one.text for one in all_of_them}
    assert set(SELF_EVIDENT) - there == set()


@pytest.mark.parametrize(
    "text",
    ["Cannot.", "cannot read it\nat all", "the store failed:", "no such thing. Try again", " x", "Something broke"],
)
def test_a_bad_sentence_is_noticed(text: str) -> None:
    assert _not_a_sentence(text)


@pytest.mark.parametrize("text", ["cannot reach it: ‹error›", "the catalog is damaged", "no view 'x' in the catalog"])
def test_a_sentence_without_a_remedy_is_noticed(text: str) -> None:
    assert not _REMEDY.search(text)
