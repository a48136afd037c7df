"""Faults: what the emulator does wrong on request, and when."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from math import inf
from threading import Lock
from typing import Any

from segment_dagster.endpoints import CATALOGUE, Endpoint

KINDS: dict[str, str] = {
    "429-retry-after": "429 with `Retry-After: value` (whole seconds, 1 by default)",
    "429-ms-before-next": "429 with errors[0].data.msBeforeNext of value seconds (1 by default) and no header",
    "429-reset": "429 whose only hint is an X-RateLimit-Reset date value seconds ahead (1 by default)",
    "429-bare": "429 without any hint",
    "500": "500 with an error envelope",
    "503-html": "503 with an HTML page",
    "reset": "the TCP connection is reset, without an answer",
    "truncated": "200 with half of the body that Content-Length promises, then the connection closes",
    "bad-json": "200 with half of the JSON and a Content-Length to match",
    "slow": "the answer comes value seconds late (1 by default)",
    "repeated-cursor": "the next page's cursor is always the one just used",
    "renamed-key": "the key of the list has `List` appended",
    "empty-body": "200 without a body",
    "missing-feature": "403: the feature is not enabled for the workspace",
    "forbidden": "403: the token lacks a permission",
    "not-found": "404",
    "revoked-token": "401, and from then on for every endpoint",
    "extra-field": "every record has two undeclared fields, a scalar and a nested one",
    "missing-field": "every second record lacks a declared field: the one value names, or the first that is no key",
    "wrong-type": "one record has an object in a scalar field: the one value names, or the first that is no key",
    "wrong-total": "totalEntries is one more than there are",
    "duplicate": "the last page ends with the list's first record once more",
    "null-key": "one record's key is null",
    "orphan": "one record names a parent that does not exist",
}
"""Every kind of fault, and what it does."""

_SECONDS = {"429-retry-after", "429-ms-before-next", "429-reset", "slow"}
_FIELDS = {"missing-field", "wrong-type"}
_ROWS = {row.name: row for row in CATALOGUE}


@dataclass(frozen=True)
class Fault:
    """Something to do wrong, and when."""

    kind: str
    """One of `KINDS`."""

    endpoint: str | None = None
    """Name of the endpoint to do it to, or `None` for all."""

    after: int = 0
    """How many of its requests are let through first."""

    times: int | None = None
    """How many are hit then, or `None` for all that follow."""

    value: float | str | None = None
    """Seconds or the name of a field, where the kind takes one."""

    def __post_init__(self) -> None:
        """Refuse a fault that could never happen.

        Raises:
            ValueError: A part of it is not valid; the message lists what is.
        """
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; the faults are {', '.join(KINDS)}")
        if self.endpoint is not None and self.endpoint not in _ROWS:
            raise ValueError(f"fault {self.kind}: unknown endpoint {self.endpoint!r}; they are {', '.join(_ROWS)}")
        if self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError(f"fault {self.kind}: after must be 0 or more, times 1 or more")
        if self.value is not None:
            self._check_value()
        if self.kind == "orphan" and self.endpoint is not None and not _ROWS[self.endpoint].references:
            raise ValueError(f"fault orphan: the records of {self.endpoint} name no parent")

    def _check_value(self) -> None:
        if self.kind in _SECONDS:
            if not isinstance(self.value, int | float) or not 0 <= self.value < inf:
                raise ValueError(f"fault {self.kind}: value must be a number of seconds")
        elif self.kind in _FIELDS:
            rows = [_ROWS[self.endpoint]] if self.endpoint else list(_ROWS.values())
            if not any(column.field == self.value for row in rows for column in row.columns):
                raise ValueError(f"fault {self.kind}: value must be a declared field")
        else:
            raise ValueError(f"fault {self.kind} takes no value")

    @property
    def seconds(self) -> float:
        """The value as seconds; 1 by default."""
        return float(self.value) if isinstance(self.value, int | float) else 1.0

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Read the form of the command line: `500:destinations:after=1:times=2`.

        Args:
            spec: The kind, then the endpoint (left out or `*` for all), then `after`, `times` and `value`.

        Returns:
            The fault.

        Raises:
            ValueError: It is not valid.
        """
        kind, *parts = spec.split(":")
        given: dict[str, Any] = {"kind": kind}
        if parts and "=" not in parts[0]:
            endpoint = parts.pop(0)
            given["endpoint"] = None if endpoint in ("", "*") else endpoint
        for part in parts:
            name, separator, text = part.partition("=")
            if name not in ("after", "times", "value") or not separator:
                raise ValueError(f"fault {kind}: {part!r} is none of after=N, times=N, value=X")
            given[name] = _parsed(kind, name, text)
        return cls(**given)

    @classmethod
    def from_json(cls, given: object) -> "Fault":
        """Read the form of `PUT /_emulator/faults`: an object with the fields of this class, or the text of `parse`.

        Raises:
            ValueError: It is not valid.
        """
        if isinstance(given, str):
            return cls.parse(given)
        if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
            raise ValueError("a fault is an object with a kind")
        if unknown := set(given) - set(cls.__dataclass_fields__):
            raise ValueError(f"fault {given['kind']}: unknown {', '.join(sorted(unknown))}")
        for name in ("after", "times"):
            if not isinstance(given.get(name, 0), int | None):
                raise ValueError(f"fault {given['kind']}: {name} must be a whole number")
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """The fault in the form that `from_json` reads."""
        return asdict(self)


def _parsed(kind: str, name: str, text: str) -> float | str:
    if name == "value":
        try:
            return float(text)
        except ValueError:
            return text
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"fault {kind}: {name} must be a whole number") from None


@dataclass
class Armed:
    """A fault and how far it has come."""

    fault: Fault
    seen: int = 0
    victims: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    """The one record of each endpoint that the fault alters: its parent's id and its place in the list.

    The first record of the first answer hit, and the same one in every answer after it.
    """


class Faults:
    """The faults in force. Safe to change from any thread while the emulator answers."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = Lock()
        self._armed = [Armed(fault) for fault in faults]
        self._revoked = False

    @property
    def active(self) -> list[Fault]:
        """The faults that were added and not cleared since."""
        with self._lock:
            return [armed.fault for armed in self._armed]

    @property
    def revoked(self) -> bool:
        """Whether a `revoked-token` fault has struck."""
        with self._lock:
            return self._revoked

    def add(self, *faults: Fault) -> None:
        """Put more faults in force. Each begins to count its endpoint's requests now."""
        with self._lock:
            self._armed += [Armed(fault) for fault in faults]

    def clear(self) -> None:
        """Do nothing wrong any more; a revoked token is good again."""
        self.replace(())

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these faults in force and no others."""
        with self._lock:
            self._armed = [Armed(fault) for fault in faults]
            self._revoked = False

    def hits(self, row: Endpoint) -> list[Armed]:
        """Count a request of an endpoint, and give the faults that hit it."""
        with self._lock:
            hits = []
            for armed in self._armed:
                fault = armed.fault
                if fault.endpoint not in (None, row.name):
                    continue
                armed.seen += 1
                struck = armed.seen - fault.after
                if struck >= 1 and (fault.times is None or struck <= fault.times):
                    hits.append(armed)
                    self._revoked = self._revoked or fault.kind == "revoked-token"
            return hits
