"""One sync of a reverse ETL model to a subscription, as the API reports it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from segment_dagster.endpoints.pipes import REVERSE_ETL_SYNCS
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.rows import rows_of
from segment_dagster.foreign_text import foreign_text
from segment_dagster.syncs.statuses import Outcome, Statuses
from segment_dagster.syncs.sync import Sync, each_readable, in_utc

MAX_ERROR = 300
"""Characters of an error that are told."""

EXTRACT, LOAD = "extractPhase", "loadPhase"

_ENDED = (Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED)


@dataclass(frozen=True, kw_only=True)
class ReverseEtlSync(Sync):
    """One sync."""

    sync_id: str
    subscription_id: str
    extracted: int | None = None
    """Rows that the query gave; `None` where Segment does not say."""

    delivered: int | None = None
    undelivered: int | None = None

    @property
    def pipe(self) -> str:
        """Id of the subscription."""
        return self.subscription_id

    @property
    def id(self) -> str:
        """Id of the sync."""
        return self.sync_id

    @property
    def description(self) -> str:
        """What it did, in a sentence."""
        rows = "rows" if self.delivered is None else f"{self.delivered:,} rows"
        return f"Segment has sent {rows} of the model to a subscription."

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of its events beside times, status and notices."""
        counts = {"extracted": self.extracted, "delivered": self.delivered, "undelivered": self.undelivered}
        known = {f"segment/rows_{name}": count for name, count in counts.items() if count is not None}
        return {"segment/subscription_id": self.subscription_id, **known}


def syncs_of(records: Sequence[dict[str, Any]], subscription_id: str, statuses: Statuses) -> list[ReverseEtlSync]:
    """Return the syncs of a page, in the API's order. A record that is not as the API documents it is logged.

    Args:
        records: The API's records.
        subscription_id: The subscription whose syncs they are.
        statuses: What a status means: one that runs has no end, and one that has succeeded or failed has one.
    """
    return each_readable(records, partial(_syncs_of, subscription_id, statuses))


def _syncs_of(subscription_id: str, statuses: Statuses, records: Sequence[dict[str, Any]]) -> list[ReverseEtlSync]:
    names = {field: column_name(field) for field in ("syncId", "syncStatus", "startedAt", "finishedAt")}
    known = [{field: record.get(field) for field in names} for record in records]
    rows = rows_of(REVERSE_ETL_SYNCS, [{**each, "subscriptionId": subscription_id} for each in known]).to_pylist()
    syncs = []
    for row, record in zip(rows, records, strict=True):
        start, end = row[names["startedAt"]], row[names["finishedAt"]]
        if start is None:
            # one that waits to be started: it is listed again
            continue
        sync = ReverseEtlSync(
            sync_id=row[names["syncId"]],
            subscription_id=subscription_id,
            start=in_utc(start),
            end=end and in_utc(end),
            status=foreign_text(row[names["syncStatus"]] or ""),
            notices=tuple(dict.fromkeys(_errors(record))),
            extracted=_count(record, EXTRACT, "extractCount"),
            delivered=_count(record, LOAD, "deliverSuccessCount"),
            undelivered=_count(record, LOAD, "deliverFailureCount"),
        )
        if sync.end is None and statuses.outcome(sync.status) in _ENDED:
            # `finishedAt` is optional
            sync = replace(sync, end=_last_known(record, sync.start))
        syncs.append(statuses.with_end(sync))
    return syncs


def _errors(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the errors of a sync and of its phases: code and message."""
    for place in (record, *(_phase(record, name) for name in (EXTRACT, LOAD))):
        code, message = (place.get(name) for name in ("errorCode", "error"))
        if said := ": ".join(str(each) for each in (code, message) if isinstance(each, str) and each):
            yield foreign_text(said, MAX_ERROR)


def _count(record: Mapping[str, Any], phase: str, name: str) -> int | None:
    """Return a count of a phase, which the API writes as text."""
    given = _phase(record, phase).get(name)
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _last_known(record: Mapping[str, Any], start: datetime) -> datetime:
    times = [start]
    for name in (EXTRACT, LOAD):
        try:
            times.append(
                in_utc(datetime.fromisoformat(str(_phase(record, name).get("finishedAt")).replace("Z", "+00:00")))
            )
        except ValueError:
            continue
    return max(times)


def _phase(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given = record.get(name)
    return given if isinstance(given, dict) else {}
