"""What happened in the planted workspace. Days are counted back from today: 1 is yesterday."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from segment_dagster.emulator.edit import Edit


@dataclass(frozen=True)
class Did:
    """One change of a record."""

    ago: int
    """How many days ago."""

    at: time
    by: str
    """Id of the user, or of the token if it begins with `tok_`."""

    action: str
    endpoint: str
    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    silent: bool = False
    """Whether the audit trail does not tell of it."""


_OFF, _ON = {"enabled": False}, {"enabled": True}


def _labels(value: str) -> dict[str, Any]:
    return {"labels": [{"key": "environment", "value": value}]}


HISTORY: tuple[Did, ...] = (
    # destinations that are disabled for months, and others that only were
    Did(100, time(8, 0), "usr_inactive", "modify", "destinations", "dst_off_100", _OFF),
    Did(100, time(8, 1), "usr_inactive", "modify", "destinations", "dst_off_again", _OFF),
    Did(100, time(8, 2), "usr_inactive", "modify", "destinations", "dst_on_again", _OFF),
    Did(70, time(8, 0), "tok_deploy", "modify", "destinations", "dst_off_70", _OFF),
    Did(50, time(8, 0), "tok_deploy", "modify", "destinations", "dst_off_again", _ON),
    Did(30, time(8, 0), "tok_deploy", "modify", "destinations", "dst_on_again", _ON),
    Did(20, time(8, 0), "tok_deploy", "modify", "destinations", "dst_off_again", _OFF),
    # users who are active, one of them just so
    Did(85, time(9, 0), "usr_edge", "modify", "sources", "src_dead", _labels("test")),
    Did(60, time(9, 0), "usr_group", "modify", "tracking_plans", "tp_checkout", {"description": "Checkout only."}),
    Did(20, time(10, 0), "usr_direct", "modify", "sources", "src_disabled_later", _OFF, silent=True),
    # the week before last: days 16 (Monday) to 10 where today is a Wednesday
    Did(16, time(10, 0), "usr_direct", "modify", "sources", "src_live", _labels("staging")),
    Did(16, time(11, 0), "usr_direct", "modify", "sources", "src_live", _labels("prod")),
    Did(12, time(14, 0), "usr_direct", "modify", "tracking_plans", "tp_orders", {"description": "All orders."}),
    Did(11, time(9, 30), "usr_both", "modify", "sources", "src_growing", _labels("test")),
    Did(10, time(8, 0), "tok_deploy", "modify", "destinations", "dst_off_10", _OFF),
    # last week: days 9 to 3
    Did(9, time(0, 0), "usr_both", "modify", "destinations", "dst_perfect", {"settings": {"region": "eu"}}),
    Did(8, time(16, 0), "usr_direct", "modify", "sources", "src_live", _labels("production")),
    Did(5, time(15, 0), "usr_both", "delete", "sources", "src_deleted"),
    Did(3, time(9, 0), "usr_direct", "modify", "destinations", "dst_disabled_3", _OFF),
    Did(3, time(23, 59, 59), "usr_both", "modify", "destinations", "dst_healthy", {"settings": {"region": "us"}}),
    # this week
    Did(1, time(8, 0), "usr_direct", "modify", "sources", "src_growing", _labels("prod")),
)


def history(today: date, did: Sequence[Did] = HISTORY) -> list[Edit]:
    """Return the edits.

    Args:
        today: The day from which days are counted back.
        did: What happened.
    """
    return [
        Edit(
            each.endpoint,
            each.action,
            each.id,
            each.fields,
            at=datetime.combine(today - timedelta(days=each.ago), each.at, timezone.utc),
            actor=None if each.by.startswith("tok_") else each.by,
            token=each.by if each.by.startswith("tok_") else None,
            silent=each.silent,
        )
        for each in did
    ]
