"""Children of a destination."""

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.reverse_etl import MODELS, model_id
from segment_dagster.emulator.world.texts import display_name
from segment_dagster.emulator.world.timestamps import ZONES, random_timestamp

_CONDITIONS = (
    'type = "track" and event = "Order Completed"',
    "type = 'identify' and traits.email contains '@example.com'",
    'match(context.page.path, "/checkout/*") or event = "Clicked \\"Buy\\""',
    'properties.title = "A \u2028 B" and properties.price >= 10.5',
    "all",
)


def _filters(context: ListContext) -> list[Record]:
    first = stable_hash(context.parent["id"], "filters")
    return [_filter(context.draw, context.parent, first + place) for place in range(max(0, context.draw.number(-2, 5)))]


def _filter(draw: RandomValues, destination: Record, number: int) -> Record:
    record: Record = {
        "id": f"df_{draw.id()}",
        "sourceId": destination["sourceId"],
        "destinationId": destination["id"],
        "if": draw.pick(_CONDITIONS),
        "actions": [_action(draw, number + place) for place in range(number % 2 + 1)],
        "title": display_name("Drop internal traffic", number),
        "description": display_name("Keeps what nobody needs away from it.", number + 3),
        "enabled": draw.chance(0.8),
        "createdAt": random_timestamp(draw, 2021, number % 3),
        "updatedAt": random_timestamp(draw, 2022, (number + 1) % 3),
    }
    return drop_fields(record, number, description=4)


def _action(draw: RandomValues, number: int) -> Record:
    type_ = ("DROP", "ALLOW_PROPERTIES", "SAMPLE", "DROP_PROPERTIES")[number % 4]
    if type_ == "DROP":
        return {"type": type_}
    if type_ == "SAMPLE":
        return {"type": type_, "percent": draw.number(1, 20) / 20} | ({"path": "userId"} if number % 8 == 2 else {})
    fields = {
        "properties": {"fields": ["price", "a/b"]},
        "context": {"page": {"fields": draw.some(("url", "path"), 2)}},
    }
    return {"type": type_, "fields": fields}


def _subscriptions(context: ListContext) -> list[Record]:
    draw, destination = context.draw, context.parent
    actions = destination["metadata"]["actions"]
    first = stable_hash(destination["id"])
    count = draw.number(0, 4) if actions else 0
    return [_subscription(context, destination["id"], draw.pick(actions), first + place) for place in range(count)]


def _subscription(context: ListContext, destination_id: str, action: Record, number: int) -> Record:
    draw = context.draw
    record: Record = {
        "id": draw.id(),
        "name": display_name(action["name"], number),
        "actionId": action["id"],
        "actionSlug": action["slug"],
        "destinationId": destination_id,
        "enabled": draw.chance(0.8),
        "settings": _settings(draw, number),
        "trigger": draw.pick(_CONDITIONS),
    }
    if number % 3 == 0:
        record["modelId"] = model_id(draw.number(0, MODELS * context.scale - 1))
        if number % 12:
            record["reverseETLSchedule"] = _schedule(draw, number // 3)
    return record


def _settings(draw: RandomValues, number: int) -> Record:
    made: Record = {
        "userId": {"@if": {"exists": {"@path": "$.userId"}, "then": {"@path": "$.userId"}, "else": None}},
        "enableBatching": draw.chance(0.5),
        "batchSize": draw.number(1, 1000),
        "sampling": draw.number(1, 9) / 8,
        "event": display_name("Order Completed", number),
    }
    if number % 4 == 0:
        made["apiKey"] = draw.secret()
    if number % 4 == 1:
        made["headers"] = {"Content-Type": "application/json", "Authorization": f"Bearer {draw.secret()}"}
    if number % 4 == 2:
        made["routes"] = [
            {"region": region, "retries": place, "targets": [{"path": "/in", "clientSecret": draw.secret()}]}
            for place, region in enumerate(("us", "eu"))
        ]
    return made


def _schedule(draw: RandomValues, number: int) -> Record:
    configs: tuple[tuple[str, Record | None], ...] = (
        ("CRON", {"spec": "0 */6 * * 1-5", "timezone": draw.pick(ZONES)}),
        ("DBT_CLOUD", {"jobId": str(draw.number(1000, 9999)), "accountId": str(draw.number(10, 99))}),
        ("MANUAL", None),
        ("PERIODIC", {"interval": f"{draw.number(1, 24)}h"}),
        ("SPECIFIC_DAYS", {"days": [1, 3, 5], "hours": [6, draw.number(7, 23)], "timezone": draw.pick(ZONES)}),
    )
    strategy, config = configs[number % 5]
    schedule: Record = {"strategy": strategy, "config": config}
    return drop_fields(schedule, number, config=8)


MAKERS: dict[str, Maker] = {"destination_filters": _filters, "destination_subscriptions": _subscriptions}
"""Functions that generate the records, by endpoint name."""
