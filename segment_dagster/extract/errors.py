"""Errors of reading an endpoint. Each is one line: which endpoint, what happened, what to do.

```
SegmentError
└── ExtractError            the endpoint could not be read whole; nothing of it is loaded
    ├── UnavailableError    the workspace's plan lacks the feature
    ├── ParentError         an endpoint that it depends on failed
    ├── WindowError         the time cannot be read
    │   ├── LookBackError   longer ago than Segment keeps it
    │   └── FutureError     not there yet
    ├── RecordError         a record is not as the catalogue declares it
    │   ├── GrainError      it does not hold the list whose elements are the rows
    │   ├── NestingError    it is nested too deep to be searched for secrets
    │   └── ValueTypeError  a value does not fit its column, or a key is missing
    ├── SpoolError          the rows could not be written to disk
    └── UnexpectedError     a fault of segment_dagster's own
```

What goes wrong between here and the API is in `segment_dagster.client.errors`.
"""

import tempfile
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.foreign_text import foreign_text
from segment_dagster.redaction.masks import mask_key


class ExtractError(SegmentError):
    """An endpoint could not be read whole."""


class UnavailableError(ExtractError):
    """The workspace does not have the endpoint: its plan lacks the feature.

    Args:
        endpoint: The endpoint, or one whose parent is not available.
        reason: Why, as a clause.
    """

    def __init__(self, endpoint: Endpoint, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{endpoint.name}: not available, because {reason}. Have the feature added to the plan, leave the asset "
            "out of the selection, or set SEGMENT_ON_UNAVAILABLE=skip."
        )


class ParentError(ExtractError):
    """An endpoint could not be read because another failed.

    Args:
        endpoint: The endpoint.
        parent: The name of the one that failed.
        reason: Why that failed.
        because: How the endpoint depends on it, as a clause that its name ends.
    """

    def __init__(
        self, endpoint: Endpoint, parent: str, reason: SegmentError, because: str = "it takes one request per record of"
    ) -> None:
        self.happened = f"{endpoint.name}: not read, because {because} {parent}, which failed"
        super().__init__(f"{self.happened}: {reason}")
        self.parent = parent
        self.retryable = reason.retryable


class WindowError(ExtractError):
    """A time cannot be read."""


class LookBackError(WindowError):
    """A time is longer ago than Segment keeps it.

    Args:
        endpoint: The endpoint.
        start: When the time begins.
        limit: How far back Segment goes, as a clause.
        first: The first day that can be read whole.
    """

    def __init__(self, endpoint: Endpoint, start: datetime, limit: str, first: datetime) -> None:
        super().__init__(
            f"{endpoint.name}: {start:%Y-%m-%d} is {limit}. Nothing was asked for. The first day that "
            f"can still be read whole is {first:%Y-%m-%d}."
        )


class FutureError(WindowError):
    """A time has not begun."""

    def __init__(self, endpoint: Endpoint, start: datetime) -> None:
        super().__init__(
            f"{endpoint.name}: {start:%Y-%m-%dT%H:%M}Z has not come yet, or is not counted yet. "
            "Nothing was asked for. Try again later."
        )


class RecordError(ExtractError):
    """A record is not as the catalogue declares it."""


class GrainError(RecordError):
    """A record that should stand for a list does not hold one."""

    def __init__(self, endpoint: Endpoint, field: str) -> None:
        super().__init__(
            f"{endpoint.name}: a record has no list {field!r}, of which each element is a row. "
            "Nothing of this endpoint was loaded. If the API has changed, its row in the catalogue needs the new shape."
        )


class NestingError(RecordError):
    """A record is nested deeper than can be searched for secrets."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"{endpoint.name}: a record is nested too deep to be read. Nothing of it was loaded.")


class ValueTypeError(RecordError):
    """A value does not fit the type its column declares, or a key is missing.

    Args:
        endpoint: The endpoint.
        record: The record. Its key is shown, masked where it is personal; nothing else of it is.
        column: The column.
        problem: What is wrong with the value, as a clause without the value.
    """

    def __init__(self, endpoint: Endpoint, record: Mapping[str, Any], column: str, problem: str) -> None:
        masked = mask_key(
            endpoint.primary_key, [record.get(field) for field in endpoint.primary_key], endpoint.personal
        )
        key = ", ".join(f"{field}={_quote(value)}" for field, value in zip(endpoint.primary_key, masked, strict=True))
        super().__init__(
            f"{endpoint.name}: column {column} of the row with {key} {problem}. "
            "Nothing of this endpoint was loaded. If the API has changed, its row in the catalogue needs the new type."
        )


class SpoolError(ExtractError):
    """The rows could not be written to disk."""

    def __init__(self, endpoint: Endpoint, error: OSError) -> None:
        super().__init__(
            f"{endpoint.name}: the rows could not be kept in {tempfile.gettempdir()} until the last had come "
            f"({error.strerror}). Make room there, or set TMPDIR to another directory."
        )


class UnexpectedError(ExtractError):
    """Something else went wrong. The message has the error's type, not its text, which could hold a value."""

    def __init__(self, endpoint: Endpoint, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        super().__init__(
            f"{endpoint.name}: reading it failed with {type(error).__name__}{where}, a fault of segment_dagster's own. "
            "Nothing of this endpoint was loaded."
        )


def _quote(value: Any) -> str:
    """Return what the API gave as a message can repeat it."""
    return repr(foreign_text(value)) if isinstance(value, str) else foreign_text(value)
