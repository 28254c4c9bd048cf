"""The filter of the entries: what was typed, as terms that each know their rows, and the words that make no sense.

Words match any text (path, cause, parser message, view) in whatever case. `key:value` asks a column; the keys stand in `keys.KEYS`.
All terms must hold; commas within one mean or. `-` negates a term, quotes hold spaces, commas and colons together (with `\\"`, `\\\\`,
`\\n` and `\\t` inside). Numbers, sizes and times take `>`, `>=`, `<` and `<=`; a shortened time covers all of its day, hour or minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from refooter_tui.model.codes import Mask
from refooter_tui.model.keys import KEYS, Matcher, NotAValue, suggestion, word
from refooter_tui.model.rows import Rows
from refooter_tui.model.scanner import Token, tokens, written
from refooter_tui.model.selection import Selection
from refooter_tui.model.table import EntryTable

TextSpan = tuple[int, int]
"""Where something stands in the text that was parsed: first character, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `key` is `None` for words; one of `values` has to match. `str()` is how it is typed."""

    key: str | None
    values: tuple[str, ...]
    negated: bool = False
    span: TextSpan = field(default=(0, 0), compare=False)
    matchers: tuple[Matcher, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        key = "" if self.key is None else f"{self.key}:"
        values = ",".join(
            written(value, after_key=self.key is not None or i > 0) for i, value in enumerate(self.values)
        )
        return f"{'-' if self.negated else ''}{key}{values}"

    def matches(self, rows: Rows) -> Mask:
        """May be shared: not to be written to."""
        found = self.matchers[0](rows)
        for matcher in self.matchers[1:]:
            found = found | matcher(rows)
        return ~found if self.negated else found


@dataclass(frozen=True, slots=True)
class Wrong:
    """What could not be understood: `text` as it was typed, `span` what of it to underline, and a sentence."""

    text: str
    sentence: str = field(compare=False)
    span: TextSpan = field(compare=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms and errors in the order typed. Two are equal that say the same, however it was typed."""

    parts: tuple[Term | Wrong, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(part for part in self.parts if isinstance(part, Term))

    @property
    def errors(self) -> tuple[Wrong, ...]:
        return tuple(part for part in self.parts if isinstance(part, Wrong))

    @property
    def empty(self) -> bool:
        return not self.parts

    @property
    def of_selection(self) -> bool:
        """Whether what it shows depends on what is selected."""
        return any(term.key == "is" and "selected" in term.values for term in self.terms)

    def __str__(self) -> str:
        return " ".join(str(part) for part in self.parts)

    def without(self, index: int) -> Filter:
        """The same but for `terms[index]`."""
        gone = self.terms[index]
        return Filter(tuple(part for part in self.parts if part is not gone))

    def plus(self, text: str, replacing: Iterable[str] = ()) -> Filter:
        """The same with what `text` says added, in place of the terms whose keys are in `replacing`. What is there already is not
        added twice."""
        gone = frozenset(replacing)
        kept = [part for part in self.parts if not (isinstance(part, Term) and part.key in gone)]
        return Filter((*kept, *(part for part in parse(text).parts if part not in kept)))

    def mask(
        self,
        table: EntryTable,
        selection: Selection | None = None,
        changed: Mask | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Mask:
        """Which rows of the table match, errors left aside. Retired entries do not, unless `is:retired` asks for them.

        `changed` marks, by row, what `is:changed` means (`Snapshot.changed`). Works in any thread; raises `Abandoned` once `stop` says so.
        """
        return self._all(Rows(table, len(table), None, None if selection is None else selection.mask, changed, stop))

    def matches(
        self,
        table: EntryTable,
        rows: npt.NDArray[np.integer],
        selection: Selection | None = None,
        changed: Mask | None = None,
    ) -> Mask:
        """As `mask`, of these rows only."""
        some = rows.astype(np.int32, copy=False)
        return self._all(Rows(table, len(table), some, None if selection is None else selection.mask, changed))

    def _all(self, rows: Rows) -> Mask:
        terms = self.terms
        asks_for_retired = any(term.key == "is" and "retired" in term.values and not term.negated for term in terms)
        found = np.ones(len(rows), np.bool_) if asks_for_retired else ~rows.column("retired")
        # What costs the most comes last; where nothing is left it need not be asked.
        for term in sorted(terms, key=lambda term: term.key in (None, "path")):
            if not found.any():
                break
            found &= term.matches(rows)
        return found


def term(key: str | None, *values: str, negated: bool = False) -> str:
    """A term as it is typed, quoted where it must be: what a click on a view or a cause adds to the filter."""
    return str(Term(key, values, negated))


def parse(text: str) -> Filter:
    """Never fails: what makes no sense is among the errors, and the rest still counts."""
    return Filter(tuple(_part(text, token) for token in tokens(text)))


def _part(text: str, token: Token) -> Term | Wrong:
    def wrong(sentence: str, start: int = token.start, end: int = token.end) -> Wrong:
        return Wrong(text[token.start : token.end], sentence, (start, end))

    if token.open_quote is not None:
        return wrong("this quote has no end", token.open_quote)
    key = None
    compiled: Callable[[str], Matcher] = word
    if token.key is not None:
        key = token.key.lower()
        if key not in KEYS:
            meant = suggestion(key, KEYS)
            hint = f"did you mean {meant}:?" if meant else f"there are {', '.join(KEYS)}"
            return wrong(f"“{token.key}:” is no key: {hint} Quotes make it a word", token.start, token.values[0][1])
        compiled = KEYS[key].compile
    values, matchers = [], []
    for value, start, end in token.values:
        if not value:
            if key is None:
                return wrong("nothing stands between the commas" if len(token.values) > 1 else "a word is missing here")
            return wrong(f"{key}: wants a value ({KEYS[key].means})")
        try:
            matchers.append(compiled(value))
        except NotAValue as error:
            return wrong(str(error), start, end)
        values.append(value.lower() if key is not None and KEYS[key].words else value)
    return Term(key, tuple(values), token.negated, (token.start, token.end), tuple(matchers))
