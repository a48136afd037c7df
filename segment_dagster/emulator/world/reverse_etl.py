"""Reverse ETL: models, and the syncs of their subscriptions."""

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import display_name
from segment_dagster.emulator.world.timestamps import format_timestamp

MODELS = 12
"""Models at scale 1."""

SYNCS = 230
"""Syncs of the first subscription with a model: more than two pages of the maximum size."""

_QUERIES = (
    "SELECT user_id, email\nFROM analytics.users\nWHERE plan = 'pro' -- \"paying\"",
    "select id, sum(price) as ltv from orders group by 1",
    "WITH t AS (SELECT * FROM café.naïve) SELECT id FROM t WHERE name LIKE '%\u2028%' OR path = '\\\\srv/x'",
)
_STATUSES = ("SUCCESS", "SUCCESS", "PARTIAL_SUCCESS", "FAIL", "IN_PROGRESS")
_NEWEST = 1_735_689_600
"""Start of the newest sync: 2025-01-01."""

_APART = 3600
"""Seconds between the starts of syncs."""


def model_id(number: int) -> str:
    """Return the id of a model. Subscriptions reference models before those are generated."""
    return f"mdl_{number:04d}"


def _models(context: ListContext) -> list[Record]:
    draw, sources = context.draw, context.records("sources")
    return [
        {
            "id": model_id(number),
            "sourceId": draw.pick(sources)["id"],
            "name": display_name("Paying customers", number),
            "description": display_name("Who pays, and how much.", number + 3) if number % 4 else "",
            "enabled": draw.chance(0.8),
            "query": _QUERIES[number % len(_QUERIES)],
            "queryIdentifierColumn": draw.pick(("user_id", "id", "Customer Id")),
        }
        for number in range(MODELS * context.scale)
    ]


def _syncs(context: ListContext) -> list[Record]:
    subscription_id, model = context.values["subscriptionId"], context.values["modelId"]
    source_id = next(record["sourceId"] for record in context.records("reverse_etl_models") if record["id"] == model)
    largest = next(record["id"] for record in context.records("destination_subscriptions") if "modelId" in record)
    first = stable_hash(subscription_id)
    count = SYNCS if subscription_id == largest else first % 9
    return [
        _sync(context.draw, {"modelId": model, "sourceId": source_id}, place, first + place) for place in range(count)
    ]


def _sync(draw: RandomValues, owner: Record, place: int, number: int) -> Record:
    status = _STATUSES[number % len(_STATUSES)]
    start, form = _NEWEST - place * _APART, number % 3
    duration = draw.number(1, _APART)
    counts = [draw.number(0, 10**9) for _ in range(5)]
    # above the exact integers of JavaScript
    counts[2] += 2**53 if number % 10 == 3 else 0
    record: Record = {
        "syncId": f"sync_{draw.id()}",
        **owner,
        "syncStatus": status,
        "duration": str(duration),
        "startedAt": format_timestamp(start, form),
        "finishedAt": format_timestamp(start + duration, form),
        "extractPhase": {
            "addedCount": str(counts[0]),
            "updatedCount": str(counts[1]),
            "deletedCount": "0",
            "extractCount": str(counts[2]),
            "errorCode": "",
            "startedAt": format_timestamp(start, form),
            "finishedAt": format_timestamp(start + duration // 2, form),
        },
        "loadPhase": {
            "deliverSuccessCount": str(counts[3]),
            "deliverFailureCount": str(counts[4]) if status == "PARTIAL_SUCCESS" else "0",
            "errorCode": "" if status != "PARTIAL_SUCCESS" else "DELIVERY_FAILED",
            "startedAt": format_timestamp(start + duration // 2, form),
            "finishedAt": format_timestamp(start + duration, form),
        },
    }
    if status == "FAIL":
        record |= {"error": display_name('relation "café" does not exist', number), "errorCode": "QUERY_FAILED"}
    if status == "IN_PROGRESS":
        del record["finishedAt"], record["loadPhase"]
    return drop_fields(record, number, extractPhase=8, loadPhase=5)


MAKERS: dict[str, Maker] = {"reverse_etl_models": _models, "reverse_etl_syncs": _syncs}
"""Functions that generate the records, by endpoint name."""
