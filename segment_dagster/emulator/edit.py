"""An edit: creates, modifies or deletes one record at a given time."""

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
    "token": (str, type(None)),
    "silent": (bool,),
}


@dataclass(frozen=True)
class Edit:
    """A change of one record of the workspace by a user or a token."""

    endpoint: str
    """Name of the endpoint that lists the record."""

    action: str
    """One of `ACTIONS`.

    If the list shows another endpoint's records by what they are connected to, `create` connects an existing record
    and `delete` disconnects it.
    """

    id: str
    """Id of the record."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    """The new field values. For `create`, the fields that differ from the copied record."""

    values: Mapping[str, str] | None = None
    """The parameters of the list. `None` means every list that has the record, or the first list for `create`."""

    like: str | None = None
    """Id of the record that `create` copies. `None` means the first one of the list."""

    at: datetime | None = None
    """When it happens, in UTC if it has no zone. `None` means when it is added."""

    actor: str | None = None
    """Id of the user who makes the change. `None` means the first user."""

    token: str | None = None
    """Id of the API token that makes the change, instead of a user. Its audit event has no e-mail address."""

    silent: bool = False
    """Whether to keep it out of the audit trail."""

    def __post_init__(self) -> None:
        """Reject an edit that is invalid in every workspace.

        Raises:
            ValueError: A field is invalid. The message names it.
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
        if self.actor is not None and self.token is not None:
            raise ValueError(f"{self.label}: either an actor or a token makes it")
        if self.at is not None:
            object.__setattr__(self, "at", to_utc(self.at))

    @property
    def label(self) -> str:
        """The edit as messages name it: `edit modify sources abc`."""
        return f"edit {self.action} {self.endpoint} {self.id}"

    @classmethod
    def from_json(cls, given: object) -> "Edit":
        """Parse the JSON of `PUT /_emulator/edits`: an object with the fields of this class, `at` in ISO 8601.

        Raises:
            ValueError: It is invalid. The message says why.
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
        """Return the edit as JSON that `from_json` parses."""
        made = asdict(self) | {"at": self.at and self.at.isoformat().replace("+00:00", "Z")}
        if self.token is None:
            del made["token"]
        return made
