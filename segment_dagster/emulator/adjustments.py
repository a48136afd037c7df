"""Adjustments of counts: exact traffic, its outcomes, a late correction, a silent source, a missing snapshot."""

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from fractions import Fraction
from math import inf
from typing import Any, ClassVar

from segment_dagster.emulator.clock import parse_time, to_utc
from segment_dagster.emulator.traffic import Outcome, Traffic


@dataclass(frozen=True)
class Correction:
    """Changes the counts of a day from some time on."""

    kind: ClassVar[str] = "correction"

    of: str
    """Name of the endpoint, or of a domain (`usage`, `volume`, `delivery`).

    Usage of the workspace is the sum over its sources. Naming one of the two lists means both.
    """

    day: date
    """The day, in UTC. Usage is cumulative: every snapshot from that day to the end of the month includes it."""

    factor: float | Fraction
    """Factor of the counts: 0 or more. The count of each kind of event is rounded down."""

    source_id: str | None = None
    """Id of the source. `None` for all sources."""

    from_: datetime | None = None
    """When it takes effect, in UTC if it has no zone. `None` means when it is added."""

    def __post_init__(self) -> None:
        """Reject an invalid correction.

        Raises:
            ValueError: The factor is negative or not finite.
        """
        if not 0 <= self.factor < inf:
            raise ValueError(f"correction of {self.of}: factor must be a number of 0 or more")
        if self.from_ is not None:
            object.__setattr__(self, "from_", to_utc(self.from_))


@dataclass(frozen=True)
class Silence:
    """Sets the counts of a source to 0. Responses still list its groups."""

    kind: ClassVar[str] = "silence"

    source_id: str
    day: date
    """The first silent day, in UTC."""

    until: date | None = None
    """The day on which it sends again, in UTC. `None` for never."""

    def __post_init__(self) -> None:
        """Reject an invalid silence.

        Raises:
            ValueError: `until` is not after `day`.
        """
        if self.until is not None and self.until <= self.day:
            raise ValueError(f"silence of {self.source_id}: until must be after day")


@dataclass(frozen=True)
class MissingDay:
    """Removes the snapshot of a day from a usage endpoint."""

    kind: ClassVar[str] = "missing-day"

    endpoint: str
    day: date
    """The day, in UTC."""


Adjustment = Correction | Silence | MissingDay | Traffic | Outcome
"""An adjustment of counts."""

_KINDS: dict[str, type[Adjustment]] = {one.kind: one for one in (Correction, Silence, MissingDay, Traffic, Outcome)}
_TEXT, _OPTIONAL_TEXT, _COUNT = (str,), (str, type(None)), (int,)
_TYPES: dict[str, tuple[type, ...]] = {
    "of": _TEXT,
    "endpoint": _TEXT,
    "day": _TEXT,
    "factor": (int, float),
    "source_id": _OPTIONAL_TEXT,
    "from": _OPTIONAL_TEXT,
    "until": _OPTIONAL_TEXT,
    "per_day": _COUNT,
    "event": _OPTIONAL_TEXT,
    "type": _TEXT,
    "weekend": (int, type(None)),
    "users": _COUNT,
    "stage": _TEXT,
    "share": (int, float),
    "reason": _OPTIONAL_TEXT,
    "destination_id": _OPTIONAL_TEXT,
}


def from_json(given: object) -> Adjustment:
    """Parse an item of `PUT /_emulator/numbers`: an object with `kind` and the fields of that class.

    The kinds are `correction`, `silence`, `missing-day`, `traffic` and `outcome`. Days are written `2024-02-29`. The
    field `from_` is `from` in JSON, in ISO 8601.

    Raises:
        ValueError: It is invalid. The message says why.
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
    """Return the adjustment as JSON that `from_json` parses."""
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
