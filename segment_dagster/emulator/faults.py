"""Faults: injected errors and when they happen."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
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
    "large": "the answer is padded with blanks to value megabytes (300 by default)",
    "endless": "200 with a body of blanks that never ends",
    "repeated-cursor": "the next page's cursor is always the one just used",
    "renamed-key": "the key of the list has `List` appended",
    "empty-body": "200 without a body",
    "missing-feature": "403: the feature is not enabled for the workspace",
    "forbidden": "403: the token lacks a permission",
    "not-found": "404",
    "gone": "404 for one list of the endpoint, the first that is asked for; its other lists are answered",
    "revoked-token": "401, and from then on for every endpoint",
    "extra-field": "every record that is an object has two undeclared fields, a scalar and a nested one",
    "missing-field": "every second record lacks a declared field: the one value names, or the first that is no key",
    "wrong-type": "one record has an object in a scalar field: the one value names, or the first that is no key",
    "wrong-total": "totalEntries is one more than it would be",
    "duplicate": "the last page ends with the list's first record once more",
    "null-key": "one record's key is null",
    "orphan": "one record names a parent that does not exist",
}
"""The kinds of faults, with their descriptions."""

_SECONDS = {"429-retry-after", "429-ms-before-next", "429-reset", "slow"}
_MEGABYTES = {"large"}
_FIELDS = {"missing-field", "wrong-type"}
_OPTIONS = ("after", "times", "value", "rate", "seed")


@dataclass(frozen=True)
class Fault:
    """An injected error and when it happens."""

    kind: str
    """One of `KINDS`."""

    endpoint: str | None = None
    """Name of the endpoint, or `None` for all."""

    after: int = 0
    """How many requests to let through first."""

    times: int | None = None
    """How many requests to hit after that, or `None` for no limit."""

    value: float | str | None = None
    """Seconds, megabytes or a field name, if the kind takes a value."""

    rate: float | None = None
    """Probability of a hit: more than 0, up to 1. `None` means every request."""

    seed: int = 0
    """Seed of `rate`. The same seed hits the same request numbers."""

    def __post_init__(self) -> None:
        """Reject a fault that is invalid for every endpoint.

        Raises:
            ValueError: A field is invalid. The message lists valid values.
        """
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; the faults are {', '.join(KINDS)}")
        if self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError(f"fault {self.kind}: after must be 0 or more, times 1 or more")
        if self.rate is not None and not 0 < self.rate <= 1:
            raise ValueError(f"fault {self.kind}: rate must be a part of 1")
        if self.value is None or self.kind in _FIELDS:
            return
        if self.kind not in _SECONDS | _MEGABYTES:
            raise ValueError(f"fault {self.kind} takes no value")
        if not isinstance(self.value, int | float) or not 0 <= self.value < inf:
            unit = "seconds" if self.kind in _SECONDS else "megabytes"
            raise ValueError(f"fault {self.kind}: value must be a number of {unit}")

    def check(self, catalogue: Iterable[Endpoint]) -> None:
        """Reject a fault that can never happen to these endpoints.

        Raises:
            ValueError: A field is invalid. The message lists valid values.
        """
        every = {row.name: row for row in catalogue}
        if self.endpoint is not None and self.endpoint not in every:
            raise ValueError(f"fault {self.kind}: unknown endpoint {self.endpoint!r}; they are {', '.join(every)}")
        rows = [every[self.endpoint]] if self.endpoint else list(every.values())
        if self.kind in _FIELDS and self.value is not None:
            fields = {column.field for row in rows for column in row.columns}
            if self.value not in fields:
                raise ValueError(f"fault {self.kind}: value must be a declared field")
        if self.kind == "orphan" and not any(parent_field(row) for row in rows):
            raise ValueError(f"fault orphan: the records of {self.endpoint or 'these endpoints'} name no parent")
        if self.kind == "null-key" and not any(key_field(row) for row in rows):
            raise ValueError(f"fault null-key: the records of {self.endpoint or 'these endpoints'} hold no key")

    @property
    def seconds(self) -> float:
        """The value in seconds. Defaults to 1."""
        return float(self.value) if isinstance(self.value, int | float) else 1.0

    @property
    def megabytes(self) -> int:
        """The value in megabytes. Defaults to 300."""
        return int(self.value) if isinstance(self.value, int | float) else 300

    def is_chosen(self, number: int) -> bool:
        """Return whether `rate` selects the request with this number."""
        if self.rate is None:
            return True
        # not used for secrets
        return random.Random(f"{self.seed}/{self.kind}/{self.endpoint}/{number}").random() < self.rate  # noqa: S311

    @classmethod
    def parse(cls, spec: str, catalogue: Iterable[Endpoint] = CATALOGUE) -> "Fault":
        """Parse the command-line form: `500:destinations:after=1:times=2`.

        Args:
            spec: The kind, the endpoint (omitted or `*` for all), then `after`, `times`, `value`, `rate`, `seed`.
            catalogue: The known endpoints.

        Returns:
            The fault.

        Raises:
            ValueError: It is invalid.
        """
        kind, *parts = spec.split(":")
        given: dict[str, Any] = {"kind": kind}
        if parts and "=" not in parts[0]:
            endpoint = parts.pop(0)
            given["endpoint"] = None if endpoint in ("", "*") else endpoint
        for part in parts:
            name, separator, text = part.partition("=")
            if name not in _OPTIONS or not separator:
                raise ValueError(f"fault {kind}: {part!r} is none of after=N, times=N, value=X, rate=X, seed=N")
            given[name] = _parsed(kind, name, text)
        fault = cls(**given)
        fault.check(catalogue)
        return fault

    @classmethod
    def from_json(cls, given: object, catalogue: Iterable[Endpoint] = CATALOGUE) -> "Fault":
        """Parse an item of `PUT /_emulator/faults`: an object with the fields of this class, or a text for `parse`.

        Args:
            given: The decoded JSON.
            catalogue: The known endpoints.

        Returns:
            The fault.

        Raises:
            ValueError: It is invalid.
        """
        if isinstance(given, str):
            return cls.parse(given, catalogue)
        if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
            raise ValueError("a fault is an object with a kind")
        if unknown := set(given) - set(cls.__dataclass_fields__):
            raise ValueError(f"fault {given['kind']}: unknown {', '.join(sorted(unknown))}")
        for name in ("after", "times", "seed"):
            if not isinstance(given.get(name, 0), int | None):
                raise ValueError(f"fault {given['kind']}: {name} must be a whole number")
        if not isinstance(given.get("rate"), int | float | None):
            raise ValueError(f"fault {given['kind']}: rate must be a number")
        fault = cls(**given)
        fault.check(catalogue)
        return fault

    def to_json(self) -> dict[str, Any]:
        """Return the fault as JSON that `from_json` parses."""
        return asdict(self)


def key_field(row: Endpoint) -> str | None:
    """Return the first required key field that the record itself holds, or `None` if parameters fill all of them."""
    return next((field for field in row.required_key if field not in _asked_for(row)), None)


def parent_field(row: Endpoint) -> str | None:
    """Return the first field of the record itself that references another endpoint, if there is one."""
    fields = (reference.field for reference in row.references)
    return next((field for field in fields if field not in _asked_for(row)), None)


def _asked_for(row: Endpoint) -> set[str]:
    return {column.field for column in row.columns if column.parameter is not None}


def _parsed(kind: str, name: str, text: str) -> float | str:
    if name in ("value", "rate"):
        try:
            return float(text)
        except ValueError:
            if name == "value":
                return text
            raise ValueError(f"fault {kind}: rate must be a number") from None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"fault {kind}: {name} must be a whole number") from None


@dataclass
class ActiveFault:
    """A fault and its counters."""

    fault: Fault
    seen: int = 0
    struck: int = 0
    targets: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    """The one record per endpoint that the fault alters: the parameters of its list and its index there.

    It is the first record of the first response that is hit, and stays the same afterwards.
    """

    def applies_to(self, row: Endpoint) -> bool:
        """Return whether the fault applies to the endpoint."""
        return self.fault.endpoint in (None, row.name)


class Faults:
    """The active faults. Safe to change from any thread while the emulator runs.

    Args:
        faults: The faults.
        catalogue: The known endpoints.

    Raises:
        ValueError: A fault can never happen to them.
    """

    def __init__(self, faults: Iterable[Fault] = (), catalogue: Iterable[Endpoint] = CATALOGUE) -> None:
        self._lock = Lock()
        self.catalogue = tuple(catalogue)
        self._active = self._activate(faults)
        self._revoked = False

    @property
    def active(self) -> list[Fault]:
        """The faults that were added and not cleared."""
        with self._lock:
            return [active.fault for active in self._active]

    @property
    def struck(self) -> dict[str, int]:
        """How often each kind of active fault has hit a request."""
        with self._lock:
            struck = Counter[str]()
            for active in self._active:
                struck[active.fault.kind] += active.struck
            return dict(+struck)

    @property
    def revoked(self) -> bool:
        """Whether a `revoked-token` fault has hit a request."""
        with self._lock:
            return self._revoked

    def add(self, *faults: Fault) -> None:
        """Add faults. Each starts counting requests now.

        Raises:
            ValueError: One can never happen.
        """
        more = self._activate(faults)
        with self._lock:
            self._active += more

    def clear(self) -> None:
        """Remove all faults and accept a revoked token again."""
        self.replace(())

    def replace(self, faults: Iterable[Fault]) -> None:
        """Replace all faults.

        Raises:
            ValueError: One can never happen. The old ones stay.
        """
        instead = self._activate(faults)
        with self._lock:
            self._active = instead
            self._revoked = False

    def hits(self, rows: Sequence[Endpoint]) -> list[ActiveFault]:
        """Count a request and return the faults that hit it.

        Args:
            rows: The endpoints that share the response. It counts as one request of each.
        """
        with self._lock:
            hits = []
            for active in self._active:
                if not any(active.applies_to(row) for row in rows):
                    continue
                active.seen += 1
                number = active.seen - active.fault.after
                spent = active.fault.times is not None and active.struck >= active.fault.times
                if number >= 1 and not spent and active.fault.is_chosen(number):
                    active.struck += 1
                    hits.append(active)
                    self._revoked = self._revoked or active.fault.kind == "revoked-token"
            return hits

    def _activate(self, faults: Iterable[Fault]) -> list[ActiveFault]:
        given = list(faults)
        for fault in given:
            fault.check(self.catalogue)
        return [ActiveFault(fault) for fault in given]
