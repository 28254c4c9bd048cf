"""Rows for other tools: the failure list, a run's failures, or any selection, as CSV, JSON lines or Parquet, local or remote."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

from refooter.catalog.pages import read_entries
from refooter.catalog.selection import Selection, View
from refooter.errors import RefooterError, UsageError
from refooter.events import EntriesDone, Event
from refooter.jobs.examine import entry_result, judged
from refooter.jobs.lake import Lake
from refooter.jobs.runs import run_outcomes
from refooter.store.shown import shown, words_of
from refooter.values import NOT_JUDGED, Entry, EntryResult, Outcome, Partitions, Reason, time_text

COLUMNS = (
    "file_path",
    "view_set_name",
    "view_instance_id",
    "status",
    "cause",
    "causes",
    "error",
    "layout",
    "blob_size",
    "num_rows",
    "catalog_num_rows",
    "file_size",
    "format_version",
    "insert_time",
    "orphan",
    "file_state",
    "outcome",
    "reason",
    "sentence",
)
_NUMBERS = {"blob_size", "num_rows", "catalog_num_rows", "file_size"}


class ExportFailed(RefooterError):
    """The rows could not be written where they were to go."""

    code = "export_failed"
    exit_code = 3


def row(result: EntryResult) -> dict[str, Any]:
    """One entry as `scan -o` and `export -o` write it. `num_rows` is the footer's own."""
    diagnosis = result.diagnosis
    return {
        "file_path": result.file_path,
        "view_set_name": result.view_set,
        "view_instance_id": result.view_instance,
        "status": diagnosis.status.value,
        "cause": diagnosis.cause.value,
        "causes": [cause.value for cause in diagnosis.causes],
        "error": diagnosis.error,
        "layout": diagnosis.layout.value,
        "blob_size": result.blob_size,
        "num_rows": None if diagnosis.facts is None else diagnosis.facts.num_rows,
        "catalog_num_rows": result.catalog_num_rows,
        "file_size": result.file_size,
        "format_version": result.format_version,
        "insert_time": time_text(result.insert_time),
        "orphan": result.orphan,
        "file_state": result.file_state.value,
        "outcome": None if result.outcome is None else result.outcome.value,
        "reason": None if result.reason is None else result.reason.value,
        "sentence": result.sentence,
    }


class _Format(Protocol):
    def write(self, rows: list[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


class _Csv:
    """UTF-8 with commas, quotes where they are needed and CRLF (RFC 4180). Lone surrogates are three bytes ("surrogatepass")."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", errors="surrogatepass", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self._writer.writerow(COLUMNS)

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._writer.writerows([[_cell(one[column]) for column in COLUMNS] for one in rows])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


# What a spreadsheet makes a formula of: these, their full-width, small, raised and lowered forms, behind blanks and quotes too;
# and a tab or a line break before anything. Where text is split at semicolons, tabs or lines, each part of a cell begins one.
_SIGNS: Final = "=+@\\-＝＋－＠﹦﹢﹣﹫⁼⁺⁻₌₊₋"
_PASSED: Final = r"[\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2060\ufeff'\"]*"
_FORMULA: Final = re.compile(rf"\A(?='*[\t\r\n])|(?:\A|(?<=[;\t\r\n]))(?={_PASSED}[{_SIGNS}])")
DISARMED: Final = re.compile(rf"\A'(?='*[\t\r\n])|(?:\A|(?<=[;\t\r\n]))'(?={_PASSED}[{_SIGNS}])")
"""Finds each apostrophe that a CSV has before what a spreadsheet would take for a formula: without them, the text is the true one."""


def _cell(value: Any) -> str:
    """What could begin a formula has an apostrophe before it, which keeps it text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    return _FORMULA.sub("'", value) if isinstance(value, str) else str(value)


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._file.write("".join(json.dumps(one) + "\n" for one in rows).encode())

    def close(self) -> None:
        pass


class _Parquet:
    _ROWS = 20_000

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._schema = pa.schema([(column, _arrow_type(pa, column)) for column in COLUMNS])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._kept: list[dict[str, Any]] = []
        self._pa = pa

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._kept += rows
        if len(self._kept) >= self._ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(self._pa.Table.from_pylist([_visible(one) for one in self._kept], schema=self._schema))
        self._kept = []

    def close(self) -> None:
        if self._kept:
            self._flush()
        self._writer.close()


def _visible(one: dict[str, Any]) -> dict[str, Any]:
    """Arrow's strings are UTF-8: what is none (a lone surrogate, which no catalog in UTF-8 holds) is shown escaped."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in one.items()
    }


def _arrow_type(pa: Any, column: str) -> Any:
    if column in _NUMBERS:
        return pa.int64()
    return {"causes": pa.list_(pa.string()), "format_version": pa.int32(), "orphan": pa.bool_()}.get(
        column, pa.string()
    )


_FORMATS: dict[str, type[_Csv] | type[_JsonLines] | type[_Parquet]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".parquet": _Parquet,
}


class RowFile:
    """Rows written as they come, under a temporary name until all of them are there. `rows` counts them, `target` is where they go
    as people may see it.

    Raises `UsageError` for a name whose ending says no format or that cannot be opened, `ExportFailed` where writing fails later.
    After an error inside its block nothing is left, and what stood there before stays.
    """

    def __init__(self, target: str) -> None:
        ending = Path(target.partition("?")[0]).suffix.lower()
        if ending not in _FORMATS:
            raise UsageError(
                f"{shown(target)!r} does not end in {', '.join(_FORMATS)}: the ending says how the rows are written"
            )
        self.target = shown(target)
        self._address = target
        self.rows = 0
        self._ending = ending
        self._remote = "://" in target and not target.startswith("file://")
        self._path = Path(target.removeprefix("file://"))

    def __enter__(self) -> Self:
        try:
            self._file = self._open()
        except Exception as error:
            if not self._is_theirs(error):
                raise
            raise UsageError(
                f"cannot write {self.target}: {words_of(error, self._address)}; name a place that can be written"
            ) from None
        self._format: _Format = _FORMATS[self._ending](self._file)
        return self

    def _open(self) -> IO[bytes]:
        if not self._remote:
            self._temporary = self._path.with_name(f".{self._path.name}.part")
            return self._temporary.open("wb")
        import fsspec

        # Object stores show an object only when its upload is complete, so that a temporary name is not needed there.
        opened: IO[bytes] = fsspec.open(self._address, "wb").open()
        return opened

    def write(self, results: Sequence[EntryResult]) -> None:
        try:
            self._format.write([row(result) for result in results])
        except Exception as failed:
            if not self._is_theirs(failed):
                raise
            raise self._failed(failed) from None
        self.rows += len(results)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is not None:
            self._give_up()
            return
        try:
            self._format.close()
            self._file.close()
            if not self._remote:
                self._temporary.replace(self._path)
        except Exception as failed:
            self._give_up()
            if not self._is_theirs(failed):
                raise
            raise self._failed(failed) from None

    def _is_theirs(self, error: Exception) -> bool:
        """The operating system's, or a client library's: these raise whatever they like."""
        return self._remote or isinstance(error, OSError | ValueError)

    def _failed(self, error: Exception) -> ExportFailed:
        words = words_of(error, self._address)
        return ExportFailed(
            f"cannot write {self.target}: {words}; make room or name another place, nothing is left there"
        )

    def _give_up(self) -> None:
        with suppress(Exception):
            # Closed by us: a writer that is thrown away open says so on descriptor 2.
            self._format.close()
        with suppress(Exception):
            discard = getattr(self._file, "discard", None)
            if self._remote and discard is not None:
                discard()
            else:
                self._file.close()
        if not self._remote:
            self._temporary.unlink(missing_ok=True)


def of_selection(selection: Selection, results: Sequence[EntryResult]) -> list[EntryResult]:
    """Of a run's entries those that are of a selection, as they are now."""
    paths = None if selection.paths is None else frozenset(selection.paths)
    return [
        result
        for result in results
        if (paths is None or result.file_path in paths)
        and (not selection.views or any(_in_view(view, result) for view in selection.views))
        and _within(selection, result.insert_time)
        and selection.judges(result.diagnosis)
    ]


def _in_view(view: View, result: EntryResult) -> bool:
    return view.set == result.view_set and view.instance in (None, result.view_instance)


def _within(selection: Selection, time: int | None) -> bool:
    """What is gone has no time, and so is in no range of time."""
    if selection.since is None and selection.until is None:
        return True
    return (
        time is not None
        and (selection.since is None or time >= selection.since)
        and (selection.until is None or time < selection.until)
    )


async def export_run(lake: Lake, run_id: int) -> AsyncGenerator[Event, None]:
    """A run's failures, conflicts and vanished entries, with the reasons that it gave and the entries as they are now."""
    async for page in run_outcomes(lake, run_id):
        entries = {
            entry.file_path: entry for entry in await read_entries(lake.database, [one.file_path for one in page])
        }
        diagnoses = {pair[0].file_path: pair for pair in await judged(lake, list(entries.values()))}
        results = []
        for one in page:
            entry, diagnosis = diagnoses.get(
                one.file_path, (Entry(one.file_path, None, 0, None, None, Partitions()), NOT_JUDGED)
            )
            result = entry_result(entry, diagnosis)
            reason = Reason(one.reason) if one.reason else None
            results.append(result.ended(Outcome(one.outcome), reason, one.sentence))
        yield EntriesDone(tuple(results))
