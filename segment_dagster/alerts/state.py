"""The sensor's cursor: what each channel was told."""

import json
from dataclasses import asdict, dataclass, field, fields

MAX_EVENTS = 50
"""Events of a week that are remembered for its digest; further ones are counted."""


@dataclass
class OpenCheck:
    """A failed check that was told and is not over."""

    fingerprint: str
    since: float
    """When it was told first, in seconds since 1970."""


@dataclass
class OpenJob:
    """A job whose failed run was told, and that has not succeeded since."""

    run_id: str
    end: float
    """End of that run, in seconds since 1970."""

    since: float


@dataclass
class ChannelState:
    """What a channel was told. It holds no address of the channel, and no text of the API."""

    checks: dict[str, OpenCheck] = field(default_factory=dict)
    jobs: dict[str, OpenJob] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)
    """Ranges of lost partitions, by asset."""

    runs_until: float = 0.0
    """The latest end of a run that was looked at, in seconds since 1970."""

    runs_seen: list[str] = field(default_factory=list)
    """Runs that the next tick finds again."""

    digest: float = 0.0
    """When the last digest was sent, or the first message; in seconds since 1970."""

    events: list[tuple[str, str]] = field(default_factory=list)
    """What was told since: the kind and the name of each change."""

    further_events: int = 0

    def remember(self, kind: str, name: str) -> None:
        """Remember a change for the digest."""
        if len(self.events) < MAX_EVENTS:
            self.events.append((kind, name))
        else:
            self.further_events += 1


def read_state(cursor: str | None) -> dict[str, ChannelState]:
    """Return the states in a cursor, by the name of the channel's variable.

    Args:
        cursor: What `write_state` returned; `None` at first.
    """
    if not cursor:
        return {}
    return {name: _channel_state(given) for name, given in json.loads(cursor)["channels"].items()}


def write_state(states: dict[str, ChannelState]) -> str:
    """Return states as a cursor."""
    return json.dumps({"channels": {name: asdict(state) for name, state in states.items()}}, separators=(",", ":"))


def _channel_state(given: dict[str, object]) -> ChannelState:
    # another version may have written more
    state = ChannelState(**{each.name: given[each.name] for each in fields(ChannelState) if each.name in given})  # type: ignore[arg-type]
    state.checks = {name: OpenCheck(**each) for name, each in state.checks.items()}  # type: ignore[arg-type]
    state.jobs = {name: OpenJob(**each) for name, each in state.jobs.items()}  # type: ignore[arg-type]
    state.events = [(kind, name) for kind, name in state.events]
    return state
