"""Settings of an integration: all JSON types, with secrets at every depth."""

from collections.abc import Callable

from segment_dagster.emulator.world.factories import Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import ODD

_SECRET_NAMED = ("apiSecret", "api_key", "clientSecret", "accessToken", "legacyPassword")
"""Options of type `string` whose name alone marks them as secret."""


def settings(draw: RandomValues, options: list[Record], number: int) -> Record:
    """Return the settings of one instance.

    Args:
        draw: Source of random values.
        options: The options of the integration's type.
        number: Index of the instance in its list. It decides which optional fields exist.

    Returns:
        Values by option name, and some without an option.
    """
    made: Record = {}
    for place, option in enumerate(options):
        if not option["required"] and (number + place) % 6 == 5:
            continue
        made[option["name"]] = _value(draw, option, number)
    if number % 4 == 3:
        made["legacyAccessToken"] = draw.secret()
    if number % 5 == 0:
        made["unusedSetting"] = None
    return made


def _value(draw: RandomValues, option: Record, number: int) -> object:
    if option["name"] in _SECRET_NAMED:
        return draw.secret()
    return _BY_TYPE[option["type"]](draw, option, number)


def _string(draw: RandomValues, option: Record, number: int) -> object:
    plain = f"{option['name'].lower()}-{draw.number(100, 999)}"
    return plain if number % 7 else f"{plain} {ODD[number % len(ODD)]}"


def _password(draw: RandomValues, option: Record, number: int) -> object:
    if option["name"] == "credentials":
        return {
            "type": "service_account",
            "project_id": f"acme-{number}",
            "private_key_id": draw.secret(),
            "private_key": draw.secret(),
        } | ({"previous": [draw.secret(), draw.secret()]} if number % 2 else {})
    if not option["required"] and number % 6 == 2:
        return "" if number % 4 else None
    return draw.secret()


def _boolean(draw: RandomValues, option: Record, number: int) -> object:
    return draw.chance(0.5)


def _select(draw: RandomValues, option: Record, number: int) -> object:
    return draw.pick(("us", "eu", "ap"))


def _number(draw: RandomValues, option: Record, number: int) -> object:
    return draw.number(1, 900) if number % 2 else draw.number(1, 900) / 8


def _array(draw: RandomValues, option: Record, number: int) -> object:
    return draw.some(("Order Completed", "Product Viewed", 'Clicked "Buy"', "登録完了", "Signed\u2028Up"), 4)


def _map(draw: RandomValues, option: Record, number: int) -> object:
    if option["name"] == "headers":
        return {"Content-Type": "application/json", "Authorization": f"Bearer {draw.secret()}"}
    return {
        "Order Completed": "purchase",
        "Product Viewed": {"to": "view_item", "enabled": draw.chance(0.5), "weight": draw.number(1, 9) / 4},
        "environments": {"staging": {"host": "staging.example.com", "apiKey": draw.secret()}},
    }


def _mixed(draw: RandomValues, option: Record, number: int) -> object:
    return [
        {"region": region, "url": f"https://{region}.example.com/in", "clientSecret": draw.secret(), "retries": place}
        for place, region in enumerate(("us", "eu")[: number % 3])
    ]


_BY_TYPE: dict[str, Callable[[RandomValues, Record, int], object]] = {
    "string": _string,
    "password": _password,
    "boolean": _boolean,
    "select": _select,
    "number": _number,
    "array": _array,
    "map": _map,
    "mixed": _mixed,
}
