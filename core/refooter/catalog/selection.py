"""Which entries a job is about, as a value; and the part of it that SQL can answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from refooter.errors import UsageError
from refooter.values import PG_EPOCH, Cause, Diagnosis, Status


@dataclass(frozen=True, slots=True)
class View:
    """A view set, or one instance of it."""

    set: str
    instance: str | None = None

    @classmethod
    def parse(cls, text: str) -> View:
        """`SET` or `SET/INSTANCE`."""
        name, slash, instance = text.partition("/")
        if not name or (slash and not instance):
            raise UsageError(f"not a view: {text!r}; write SET or SET/INSTANCE, such as blocks or blocks/global")
        return cls(name, instance or None)

    def __str__(self) -> str:
        return self.set if self.instance is None else f"{self.set}/{self.instance}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Alternatives within one kind, all kinds together. Nothing given is everything.

    `since` (inclusive) and `until` (exclusive) are `partition_metadata.insert_time` in microseconds since `PG_EPOCH`.
    `after` (exclusive) and `upto` (inclusive) bound the primary key in the database's own order: a selection is cut
    into key ranges by them. `paths` of `None` is "not restricted", an empty one "none". `allow_empty`: views and paths that
    the catalog does not have, and a selection of nothing, are no error.
    """

    views: tuple[View, ...] = ()
    paths: tuple[str, ...] | None = None
    statuses: tuple[Status, ...] = ()
    causes: tuple[Cause, ...] = ()
    since: int | None = None
    until: int | None = None
    after: str | None = None
    upto: str | None = None
    allow_empty: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing restricts it."""
        return replace(self, allow_empty=False) == EVERYTHING

    def within(self, after: str | None, upto: str | None) -> Selection:
        """The part of it in one key range."""
        return replace(self, after=after, upto=upto)

    def judges(self, diagnosis: Diagnosis) -> bool:
        """The part of a selection that only a verdict can answer."""
        if self.statuses and diagnosis.status not in self.statuses:
            return False
        return not self.causes or any(cause in self.causes for cause in (diagnosis.cause, *diagnosis.causes))

    def described(self) -> dict[str, Any]:
        """For the journal: what was asked for, paths as a count and the first hundred."""
        said: dict[str, Any] = {}
        if self.views:
            said["view"] = [str(view) for view in self.views]
        if self.paths is not None:
            said["path"] = list(self.paths[:100])
            said["path_total"] = len(self.paths)
        if self.statuses:
            said["status"] = [str(status) for status in self.statuses]
        if self.causes:
            said["cause"] = [str(cause) for cause in self.causes]
        for name in ("since", "until", "after", "upto"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name)
        return said


EVERYTHING = Selection()


def parse_time(text: str) -> int:
    """An ISO 8601 date or time, UTC where it names no offset, in microseconds since `PG_EPOCH`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"not a time: {text!r}; write 2025-06-14 or 2025-06-14T09:12:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - PG_EPOCH) // timedelta(microseconds=1)


def entry_filter(selection: Selection, params: dict[str, Any]) -> str:
    """The SQL condition on `partition_metadata m` for views and times; adds its parameters to `params`."""
    conditions = []
    if selection.views:
        conditions.append(f"({' OR '.join(_in_view(i, view, params) for i, view in enumerate(selection.views))})")
    if selection.since is not None:
        conditions.append(f"m.insert_time >= {_moment('since')}")
        params["since"] = selection.since
    if selection.until is not None:
        conditions.append(f"m.insert_time < {_moment('until')}")
        params["until"] = selection.until
    return " AND ".join(conditions) or "true"


def _moment(name: str) -> str:
    return f"(timestamptz '2000-01-01 00:00:00+00' + %({name})s::int8 * interval '1 microsecond')"


def _in_view(index: int, view: View, params: dict[str, Any]) -> str:
    """A partition row says which view an entry belongs to; only an orphan's is taken from its path."""
    params[f"set{index}"] = view.set
    named = f"p.view_set_name = %(set{index})s"
    prefix = f"views/{view.set}/"
    if view.instance is not None:
        params[f"instance{index}"] = view.instance
        named += f" AND p.view_instance_id = %(instance{index})s"
        prefix += f"{view.instance}/"
    params[f"prefix{index}"] = prefix
    return (
        f"EXISTS (SELECT FROM lakehouse_partitions p WHERE p.file_path = m.file_path AND {named})"
        f" OR (starts_with(m.file_path, %(prefix{index})s)"
        " AND NOT EXISTS (SELECT FROM lakehouse_partitions p WHERE p.file_path = m.file_path))"
    )
