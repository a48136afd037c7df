"""Messages as plain text, short enough for every channel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

import dagster as dg

from segment_dagster.alerts.changes import Change, Kind
from segment_dagster.alerts.problems import FailedCheck
from segment_dagster.alerts.state import ChannelState
from segment_dagster.foreign_text import foreign_text
from segment_dagster.text import pluralize

MAX_BODY = 1_800
"""Most characters of a body: Discord refuses more than 2,000, Telegram more than 4,096."""

MAX_DETAIL = 300
"""Most characters of what a check or an error says."""

_MAX_NAME = 120

_HARMLESS = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'", "[": "(", "]": ")"})  # noqa: RUF001 - alike on purpose
"""Chats take `@channel`, `<!here>` and `[text](link)` for more than text, in plain text too."""

_WORDS: Mapping[Kind, str] = {
    Kind.NEW: "New",
    Kind.CHANGED: "Changed",
    Kind.RUN_FAILED: "Run failed",
    Kind.LOST: "Lost for good",
    Kind.OVER: "Over",
}


@dataclass(frozen=True)
class Message:
    """What is sent: plain text."""

    title: str
    body: str
    type: Literal["info", "success", "warning", "failure"]


def change_message(instance: str, changes: Sequence[Change]) -> Message:
    """Return the message of all changes of a tick.

    Args:
        instance: Name of the instance.
        changes: The changes, the most important ones first.
    """
    counts = {
        "new": sum(change.kind not in (Kind.CHANGED, Kind.OVER) for change in changes),
        "changed": sum(change.kind is Kind.CHANGED for change in changes),
        "over": sum(change.kind is Kind.OVER for change in changes),
    }
    told = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    return Message(f"{instance}: {told}", _capped(map(_line, changes)), _type(changes))


def digest_message(
    instance: str, state: ChannelState, checks: Mapping[str, FailedCheck | None], now: datetime
) -> Message:
    """Return the message about what is open, and about what has changed since the last one.

    Args:
        instance: Name of the instance.
        state: What the channel was told.
        checks: What each check has found last.
        now: The current time, in UTC.
    """
    number = len(state.checks) + len(state.jobs)
    title = f"{instance}: {f'{number} open' if number else 'nothing open'}, digest of {now:%Y-%m-%d}"
    return Message(title, _capped([*_open(state, checks), *_events(state)]), "info")


def _open(state: ChannelState, checks: Mapping[str, FailedCheck | None]) -> Iterator[str]:
    if not state.checks and not state.jobs:
        yield "Nothing is open."
    for job, failed in state.jobs.items():
        yield f"Open since {_day(failed.since)}: {_plain(job)}, whose run {failed.run_id[:8]} failed."
    for name, told in state.checks.items():
        check = checks.get(name)
        yield f"Open since {_day(told.since)}: {_sentence(name, check.description if check else '')}"


def _events(state: ChannelState) -> Iterator[str]:
    number = len(state.events) + state.further_events
    if not number:
        yield "Nothing has changed since the last digest."
        return
    yield f"{pluralize(number, 'change')} since the last digest:"
    for kind, name in state.events:
        yield f"{_WORDS[Kind(kind)]}: {_plain(name)}"
    if state.further_events:
        yield f"and {state.further_events:,} more."


def _line(change: Change) -> str:
    severity = f" ({change.severity.name.lower()})" if change.kind in (Kind.NEW, Kind.CHANGED) else ""
    return f"{_WORDS[change.kind]}{severity}: {_sentence(change.name, change.detail)}"


def _sentence(name: str, detail: str) -> str:
    told = _plain(detail, MAX_DETAIL).rstrip(".")
    return f"{_plain(name)}: {told}." if told else f"{_plain(name)}."


def _plain(text: str, limit: int = _MAX_NAME) -> str:
    return foreign_text(text, limit).translate(_HARMLESS)


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}"


def _type(changes: Sequence[Change]) -> Literal["success", "warning", "failure"]:
    wrong = [change for change in changes if change.kind is not Kind.OVER]
    if not wrong:
        return "success"
    return "failure" if any(each.severity is dg.AssetCheckSeverity.ERROR for each in wrong) else "warning"


def _capped(lines: Iterable[str]) -> str:
    """Join lines until the body is full, and count the others."""
    kept: list[str] = []
    left, room = 0, MAX_BODY - len("and 1,000,000 more.")
    for line in lines:
        if left or len(line) + 1 > room:
            left += 1
        else:
            kept.append(line)
            room -= len(line) + 1
    return "\n".join([*kept, *([f"and {left:,} more."] if left else [])])
