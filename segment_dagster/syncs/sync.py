"""One run of a pipe of Segment's, as far as those of warehouses and of reverse ETL are the same."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, TypeVar

from segment_dagster.extract.errors import ValueTypeError

logger = logging.getLogger(__name__)

S = TypeVar("S", bound="Sync")

_TIMES = ("start", "end")


@dataclass(frozen=True, kw_only=True)
class Sync(ABC):
    """One sync."""

    start: datetime
    """In UTC."""

    end: datetime | None
    """In UTC; `None` while it runs."""

    status: str
    notices: Sequence[str] = ()
    """What Segment says of it, ready to be shown."""

    @property
    @abstractmethod
    def pipe(self) -> str:
        """Id of the pipe within its list: what ends later in the same pipe is newer."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What it did, in a sentence."""

    @property
    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """Metadata of its events beside times, status and notices."""

    @property
    def id(self) -> str | None:
        """Id by which the API knows it; `None` if it gives it none."""
        return None

    @property
    def seconds(self) -> float | None:
        """Return how long it took; `None` while it runs."""
        return (self.end - self.start).total_seconds() if self.end else None

    def to_json(self) -> list[object]:
        """Return it as a list that `from_json` reads."""
        return [_plain(getattr(self, field.name)) for field in fields(self)]

    @classmethod
    def from_json(cls: type[S], given: Sequence[Any]) -> S:
        """Read what `to_json` wrote."""
        values = dict(zip((field.name for field in fields(cls)), given, strict=True))
        times = {name: values[name] and datetime.fromisoformat(values[name]) for name in _TIMES}
        return cls(**{**values, **times, "notices": tuple(values["notices"])})


def each_readable(records: Sequence[dict[str, Any]], read: Callable[[Sequence[dict[str, Any]]], list[S]]) -> list[S]:
    """Return the syncs of a page, in the API's order. A record that is not as the API documents it is logged.

    Args:
        records: The API's records.
        read: Reads several records at once, or raises a `ValueTypeError`.
    """
    try:
        return read(records) if records else []
    except ValueTypeError as error:
        if len(records) == 1:
            logger.warning("%s", error)
            return []
        # one by one: the others are not to wait for it
        return [sync for record in records for sync in each_readable([record], read)]


def newest_first(syncs: Sequence[Sync]) -> bool:
    """Return whether syncs are in the order of their starts, the latest first. Segment states no order."""
    starts = [sync.start for sync in syncs]
    return starts == sorted(starts, reverse=True)


def in_utc(moment: datetime) -> datetime:
    """Return a time in UTC."""
    return moment.astimezone(timezone.utc)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple | list) else value
