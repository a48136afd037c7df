"""An edit: a record that is created, modified or deleted, and when."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from segment_dagster.emulator.clock import parse_time, to_utc

ACTIONS = ("create", "modify", "delete")

_TYPES: dict[str, tuple[type, ...]] = {
    "endpoint": (str,),
    "action": (str,),
    "id": (str,),
    "fields": (dict,),
    "values": (dict, type(None)),
    "like": (str, type(None)),
    "at": (str, type(None)),
    "actor": (str, type(None)),
    "silent": (bool,),
}


@dataclass(frozen=True)
class Edit:
    """Something that somebody does to a record of the workspace."""

    endpoint: str
    """Name of the endpoint that lists the record."""

    action: str
    """One of `ACTIONS`.

    Where the list is of another endpoint's records, by what they are connected to, `create` connects one of those and
    `delete` disconnects it.
    """

    id: str
    """Id of the record."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    """What is new in the record; what is other than in the copied one, where it is created."""

    values: Mapping[str, str] | None = None
    """What the list is asked with; `None` for every list that has the record, or the first where it is created."""

    like: str | None = None
    """Id of the record that a created one is a copy of; `None` for the first one of its list."""

    at: datetime | None = None
    """When it is done, in UTC where it names no zone; `None` for the present in which it is added."""

    actor: str | None = None
    """Id of the user who does it; `None` for the first one."""

    silent: bool = False
    """Whether the audit trail says nothing of it."""

    def __post_init__(self) -> None:
        """Refuse an edit that could never be done, whatever the workspace.

        Raises:
            ValueError: A part of it is not valid; the message says which.
        """
        if self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r}; the actions are {', '.join(ACTIONS)}")
        if not self.id:
            raise ValueError(f"{self.label}: id is empty")
        if "id" in self.fields:
            raise ValueError(f"{self.label}: an id cannot be changed")
        if self.action == "modify" and not self.fields:
            raise ValueError(f"{self.label}: fields must say what is new")
        if self.action == "delete" and self.fields:
            raise ValueError(f"{self.label}: nothing is new in what is deleted, so it has no fields")
        if self.action != "create" and self.like is not None:
            raise ValueError(f"{self.label}: only what is created is like another record")
        if self.at is not None:
            object.__setattr__(self, "at", to_utc(self.at))

    @property
    def label(self) -> str:
        """The edit in a message: `modify sources abc`."""
        return f"edit {self.action} {self.endpoint} {self.id}"

    @classmethod
    def from_json(cls, given: object) -> "Edit":
        """Read the form of `PUT /_emulator/edits`: an object with the fields of this class, `at` in ISO 8601.

        Raises:
            ValueError: It is not valid; the message says why.
        """
        if not isinstance(given, dict):
            raise ValueError("an edit is an object with endpoint, action and id")
        if missing := [name for name in ("endpoint", "action", "id") if name not in given]:
            raise ValueError(f"an edit needs {', '.join(missing)}")
        for name, value in given.items():
            if name not in _TYPES:
                raise ValueError(f"unknown {name!r} in an edit; there are {', '.join(_TYPES)}")
            if not isinstance(value, _TYPES[name]):
                raise ValueError(f"{name} of an edit is not of the right type")
        if not all(isinstance(value, str) for value in (given.get("values") or {}).values()):
            raise ValueError("values of an edit must be texts")
        at = given.get("at")
        if at is not None and (moment := parse_time(at)) is None:
            raise ValueError(f"at of an edit is not a time in ISO 8601: {at!r}")
        return cls(**{**given, "at": moment if at is not None else None})

    def to_json(self) -> dict[str, Any]:
        """The edit in the form that `from_json` reads."""
        return asdict(self) | {"at": self.at and self.at.isoformat().replace("+00:00", "Z")}
