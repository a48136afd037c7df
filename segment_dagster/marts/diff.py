"""Differences between two versions of a record."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from segment_dagster.extract.versions import Values, as_json
from segment_dagster.redaction import may_be_same

ADDED = "added"
CHANGED = "changed"
REMOVED = "removed"
KINDS = (ADDED, CHANGED, REMOVED)

_PLAIN = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Difference:
    """A value of a record that changed."""

    path: tuple[str, ...]
    """The column, then the keys of the nested objects that lead to the value; empty for the whole record."""

    old: Any
    """The old value; `None` if there was none."""

    new: Any
    """The new value; `None` if there is none any more."""

    @property
    def kind(self) -> str:
        """Return the kind of change, one of `KINDS`."""
        if self.path:
            return CHANGED
        return ADDED if self.old is None else REMOVED

    @property
    def field(self) -> str | None:
        """Return the path as text, such as `settings.region`. Keys that are not plain words are quoted."""
        return ".".join(name if _PLAIN.fullmatch(name) else as_json(name).decode() for name in self.path) or None


def differences(old: Values | None, new: Values | None) -> Iterator[Difference]:
    """Yield the differences between a record's old and new values.

    Objects are compared key by key, lists as a whole. Values are equal if they are the same JSON text: `1` is neither
    `1.0` nor `true`. The placeholder of a secret equals every secret that it may stand for.

    Args:
        old: The record's old values that are compared; `None` if it did not exist.
        new: Its new values that are compared; `None` if it no longer exists.

    Yields:
        Each difference. If only one of both exists, a single difference without a path.
    """
    if old is None or new is None:
        if old is not new:
            yield Difference((), old, new)
        return
    yield from _nested_differences((), old, new)


def _nested_differences(path: tuple[str, ...], old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _nested_differences((*path, name), was, now)
        elif as_json(was) != as_json(now) and not may_be_same(was, now):
            yield Difference((*path, name), was, now)
