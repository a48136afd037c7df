"""What belongs to one destination."""

from segment_dagster.emulator.world.choosing import number_of, thinned
from segment_dagster.emulator.world.draw import Draw
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.reverse_etl import MODELS, model_id
from segment_dagster.emulator.world.texts import named
from segment_dagster.emulator.world.times import ZONES, moment

_CONDITIONS = (
    'type = "track" and event = "Order Completed"',
    "type = 'identify' and traits.email contains '@example.com'",
    'match(context.page.path, "/checkout/*") or event = "Clicked \\"Buy\\""',
    'properties.title = "A \u2028 B" and properties.price >= 10.5',
    "all",
)


def _filters(making: Making) -> list[Record]:
    first = number_of(making.parent["id"], "filters")
    return [_filter(making.draw, making.parent, first + place) for place in range(max(0, making.draw.number(-2, 5)))]


def _filter(draw: Draw, destination: Record, number: int) -> Record:
    record: Record = {
        "id": f"df_{draw.id()}",
        "sourceId": destination["sourceId"],
        "destinationId": destination["id"],
        "if": draw.pick(_CONDITIONS),
        "actions": [_action(draw, number + place) for place in range(number % 2 + 1)],
        "title": named("Drop internal traffic", number),
        "description": named("Keeps what nobody needs away from it.", number + 3),
        "enabled": draw.chance(0.8),
        "createdAt": moment(draw, 2021, number % 3),
        "updatedAt": moment(draw, 2022, (number + 1) % 3),
    }
    return thinned(record, number, description=4)


def _action(draw: Draw, number: int) -> Record:
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


def _subscriptions(making: Making) -> list[Record]:
    draw, destination = making.draw, making.parent
    actions = destination["metadata"]["actions"]
    first = number_of(destination["id"])
    count = draw.number(0, 4) if actions else 0
    return [_subscription(making, destination["id"], draw.pick(actions), first + place) for place in range(count)]


def _subscription(making: Making, destination_id: str, action: Record, number: int) -> Record:
    draw = making.draw
    record: Record = {
        "id": draw.id(),
        "name": named(action["name"], number),
        "actionId": action["id"],
        "actionSlug": action["slug"],
        "destinationId": destination_id,
        "enabled": draw.chance(0.8),
        "settings": _settings(draw, number),
        "trigger": draw.pick(_CONDITIONS),
    }
    if number % 3 == 0:
        record["modelId"] = model_id(draw.number(0, MODELS * making.scale - 1))
        if number % 12:
            record["reverseETLSchedule"] = _schedule(draw, number // 3)
    return record


def _settings(draw: Draw, number: int) -> Record:
    made: Record = {
        "userId": {"@if": {"exists": {"@path": "$.userId"}, "then": {"@path": "$.userId"}, "else": None}},
        "enableBatching": draw.chance(0.5),
        "batchSize": draw.number(1, 1000),
        "sampling": draw.number(1, 9) / 8,
        "event": named("Order Completed", number),
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


def _schedule(draw: Draw, number: int) -> Record:
    configs: tuple[tuple[str, Record | None], ...] = (
        ("CRON", {"spec": "0 */6 * * 1-5", "timezone": draw.pick(ZONES)}),
        ("DBT_CLOUD", {"jobId": str(draw.number(1000, 9999)), "accountId": str(draw.number(10, 99))}),
        ("MANUAL", None),
        ("PERIODIC", {"interval": f"{draw.number(1, 24)}h"}),
        ("SPECIFIC_DAYS", {"days": [1, 3, 5], "hours": [6, draw.number(7, 23)], "timezone": draw.pick(ZONES)}),
    )
    strategy, config = configs[number % 5]
    schedule: Record = {"strategy": strategy, "config": config}
    return thinned(schedule, number, config=8)


MAKERS: dict[str, Maker] = {"destination_filters": _filters, "destination_subscriptions": _subscriptions}
"""The function that makes an endpoint's records, by the endpoint's name."""
