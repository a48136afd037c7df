"""What is different between two versions of a record."""

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
    """A value of a record that is other than it was."""

    path: tuple[str, ...]
    """The column, and then the names that lead to the value inside its objects; nothing for the whole record."""

    old: Any
    """What it was; `None` where it was not there."""

    new: Any
    """What it is; `None` where it is there no more."""

    @property
    def kind(self) -> str:
        """One of `KINDS`: what has become of the record."""
        if self.path:
            return CHANGED
        return ADDED if self.old is None else REMOVED

    @property
    def field(self) -> str | None:
        """The path as a person reads it: `settings.region`; a name that is no plain word is in quotes."""
        return ".".join(name if _PLAIN.fullmatch(name) else as_json(name).decode() for name in self.path) or None


def differences(old: Values | None, new: Values | None) -> Iterator[Difference]:
    """What is different between a record's old values and its new ones.

    Objects are compared member by member, lists as a whole. Values that are written alike as JSON are equal, others are
    not: `1` is neither `1.0` nor `true`. What stands for a secret is equal to any that it may stand for.

    Args:
        old: What counts of the record as it was; `None` where it was not there.
        new: What counts of it as it is; `None` where it is there no more.

    Returns:
        Nothing where both are equal; one difference without a path where one is not there.
    """
    if old is None or new is None:
        if old is not new:
            yield Difference((), old, new)
        return
    yield from _inside((), old, new)


def _inside(path: tuple[str, ...], old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _inside((*path, name), was, now)
        elif as_json(was) != as_json(now) and not may_be_same(was, now):
            yield Difference((*path, name), was, now)
