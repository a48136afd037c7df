"""What becomes of the numbers: they are corrected late, a source goes silent, the snapshot of a day is missing."""

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from fractions import Fraction
from math import inf
from typing import Any, ClassVar

from segment_dagster.emulator.clock import parse_time, to_utc


@dataclass(frozen=True)
class Correction:
    """The counts of a day are others from some time on."""

    kind: ClassVar[str] = "correction"

    of: str
    """Name of the endpoint, or the domain of several (`usage`, `volume`, `delivery`), whose counts they are.

    What the workspace has used is the sum of what its sources have: to name one of the two lists names both.
    """

    day: date
    """The day, in UTC. Usage counts it in every snapshot from that day to the month's end."""

    factor: float | Fraction
    """What the counts are multiplied by: 0 or more. The count of each kind of event is rounded down."""

    source_id: str | None = None
    """The source whose events are counted; `None` for every source."""

    from_: datetime | None = None
    """When it is known, in UTC where it names no zone; `None` for the present in which it is added."""

    def __post_init__(self) -> None:
        """Refuse a correction that could never be.

        Raises:
            ValueError: The factor is not a number of 0 or more.
        """
        if not 0 <= self.factor < inf:
            raise ValueError(f"correction of {self.of}: factor must be a number of 0 or more")
        if self.from_ is not None:
            object.__setattr__(self, "from_", to_utc(self.from_))


@dataclass(frozen=True)
class Silence:
    """A source sends nothing: its counts are 0, and those of its groups that are told apart are still answered."""

    kind: ClassVar[str] = "silence"

    source_id: str
    day: date
    """The first day on which it sends nothing, in UTC."""

    until: date | None = None
    """The day on which it sends again, in UTC; `None` for never."""

    def __post_init__(self) -> None:
        """Refuse a silence that could never be.

        Raises:
            ValueError: It ends before it begins.
        """
        if self.until is not None and self.until <= self.day:
            raise ValueError(f"silence of {self.source_id}: until must be after day")


@dataclass(frozen=True)
class MissingDay:
    """An answer of usage lacks the snapshot of a day."""

    kind: ClassVar[str] = "missing-day"

    endpoint: str
    day: date
    """The day, in UTC."""


Adjustment = Correction | Silence | MissingDay
"""What becomes of some numbers."""

_KINDS: dict[str, type[Adjustment]] = {one.kind: one for one in (Correction, Silence, MissingDay)}
_TEXT = (str,)
_TYPES: dict[str, tuple[type, ...]] = {
    "of": _TEXT,
    "endpoint": _TEXT,
    "day": _TEXT,
    "factor": (int, float),
    "source_id": (str, type(None)),
    "from": (str, type(None)),
    "until": (str, type(None)),
}


def from_json(given: object) -> Adjustment:
    """Read the form of `PUT /_emulator/numbers`: an object with its kind and the fields of that class.

    The kinds are `correction`, `silence` and `missing-day`. Days are written `2024-02-29`, and `from_` is `from`, in
    ISO 8601.

    Raises:
        ValueError: It is not valid; the message says why.
    """
    kind = given.get("kind") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"what becomes of numbers is an object with a kind: {', '.join(_KINDS)}")
    made = _KINDS[kind]
    names = {each.name.rstrip("_"): each.name for each in fields(made)}
    held: dict[str, Any] = {}
    for name, value in given.items():
        if name == "kind":
            continue
        if name not in names:
            raise ValueError(f"unknown {name!r} in a {made.kind}; there are {', '.join(names)}")
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            raise ValueError(f"{name} of a {made.kind} is not of the right type")
        held[names[name]] = _read(made.kind, name, value)
    try:
        return made(**held)
    except TypeError:
        raise ValueError(f"a {made.kind} needs more of {', '.join(names)}") from None


def to_json(adjustment: Adjustment) -> dict[str, Any]:
    """The form that `from_json` reads."""
    made: dict[str, Any] = {"kind": adjustment.kind}
    for name, value in asdict(adjustment).items():
        if isinstance(value, datetime):
            value = value.isoformat().replace("+00:00", "Z")
        elif isinstance(value, date):
            value = value.isoformat()
        made[name.rstrip("_")] = float(value) if isinstance(value, Fraction) else value
    return made


def _read(kind: str, name: str, value: Any) -> Any:
    if value is None or name not in ("day", "until", "from"):
        return value
    moment = parse_time(value)
    if moment is None or (name != "from" and len(value) != len("2024-02-29")):
        form = "a time" if name == "from" else "a day such as 2024-02-29"
        raise ValueError(f"{name} of a {kind} is not {form}: {value!r}")
    return moment if name == "from" else moment.date()
