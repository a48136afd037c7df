"""Who may do what: users, groups, invites, roles, and the labels that permissions are limited to."""

from segment_dagster.emulator.world.choosing import linked, thinned
from segment_dagster.emulator.world.connections import STAGES, TEAMS
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.texts import named

_FIRST = ("Zoë", "Siobhán", "太郎", "Łukasz", "Anna", 'Bob "Bobby"', "مريم", "Ngozi", "O'Neil", "Ida")
_LAST = ("O'Brien", "山田", "Nowak", "Müller-Łoś", "Smith", "García", "\u202bحداد\u202c", "Eze")  # noqa: RUF001
_ROLES = (
    "Workspace Owner",
    "Workspace Member",
    "Source Admin",
    "Source Read-only",
    "Warehouse Admin",
    "Warehouse Read-only",
    "Function Admin",
    "Function Read-only",
    "Unify and Engage Admin",
    "Tracking Plan Admin",
)
_GROUPS = ("Analysts", "Engineers", "Agencies", "Former staff", "Everyone", "On call")
_SHARES = (30, 50, 10, 0, 90, 15)
"""Which part of a hundred users is in a group, by the group's place in `_GROUPS`."""

_LABELS = (
    *(("environment", stage.lower()) for stage in STAGES),
    *(("team", team) for team in TEAMS),
    *(("region", region) for region in ("us", "eu", "日本", 'the "rest"')),
)
_RESOURCES = (
    ("WORKSPACE", "workspace"),
    ("SOURCE", "sources"),
    ("WAREHOUSE", "warehouses"),
    ("FUNCTION", "functions"),
    ("SPACE", ""),
)


def _users(making: Making) -> list[Record]:
    made = []
    for number in range(60 * making.scale):
        record = _person(making, number)
        record["permissions"] = _permissions(making, number)
        made.append(thinned(record, number, permissions=6))
    return made


def _person(making: Making, number: int) -> Record:
    name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // 3 % len(_LAST)]}"
    return {"id": making.draw.id(), "name": named(name, number), "email": f"zoë.o'brien+{number}@example.com"}


def _permissions(making: Making, number: int) -> list[Record]:
    return [_permission(making, number + place * 3) for place in range(number % 4)]


def _permission(making: Making, number: int) -> Record:
    role = number % len(_ROLES)
    record: Record = {
        "roleName": _ROLES[role],
        "roleId": _role_id(role),
        "resources": [_resource(making, number + place) for place in range(number % 3 + 1)],
        "labels": [_label(number + place) for place in range(number % 3)],
    }
    return thinned(record, number, labels=2)


def _resource(making: Making, number: int) -> Record:
    draw = making.draw
    type_, endpoint = _RESOURCES[number % len(_RESOURCES)]
    records = making.records(endpoint) if endpoint else []
    record: Record = {
        "id": draw.pick(records)["id"] if records else f"spa_{draw.id()}",
        "type": type_,
        "labels": [_label(number)],
    }
    return thinned(record, number, labels=2)


def _user_user_groups(making: Making) -> list[Record]:
    return [_group(number) for number in _group_numbers(making) if _is_member(making.parent["id"], number)]


def _user_groups(making: Making) -> list[Record]:
    users, made = making.records("users"), []
    for number in _group_numbers(making):
        count = sum(_is_member(user["id"], number) for user in users)
        record = _group(number) | {"memberCount": count, "permissions": _permissions(making, number)}
        made.append(thinned(record, number, permissions=4))
    return made


def _user_group_users(making: Making) -> list[Record]:
    number = _number_of_group(making)
    return [
        {field: user[field] for field in ("id", "name", "email")}
        for user in making.records("users")
        if _is_member(user["id"], number)
    ]


def _user_group_invites(making: Making) -> list[str]:
    return _invited(_number_of_group(making))


def _invites(making: Making) -> list[str]:
    invited = [email for number in _group_numbers(making) for email in _invited(number)]
    more = [f"new.colleague+{number}@例え.example" for number in range(9 * making.scale)]
    return list(dict.fromkeys([*invited, *more]))


def _group_numbers(making: Making) -> range:
    return range(len(_GROUPS) * making.scale)


def _group(number: int) -> Record:
    return {"id": f"grp_{number:04d}", "name": named(_GROUPS[number % len(_GROUPS)], number)}


def _number_of_group(making: Making) -> int:
    return next(number for number in _group_numbers(making) if _group(number)["id"] == making.parent["id"])


def _is_member(user_id: str, number: int) -> bool:
    return linked(user_id, _group(number)["id"], _SHARES[number % len(_SHARES)])


def _invited(number: int) -> list[str]:
    """The addresses invited to a group. One of them is invited to every group that invites anybody."""
    if number % 3 == 1:
        return []
    return ["everywhere@example.com", *(f"zoë.o'brien+{number}.{place}@example.com" for place in range(number % 6))]


def _roles(making: Making) -> list[Record]:
    names = _ROLES if making.scale else ()
    return [
        {"id": _role_id(number), "name": name, "description": named(f"What a {name} may do.", number + 4)}
        for number, name in enumerate(names)
    ]


def _role_id(number: int) -> str:
    return f"rol_{number:04d}"


def _labels(making: Making) -> list[Record]:
    return [_label(number) for number in range(len(_LABELS) if making.scale else 0)]


def _label(number: int) -> Record:
    key, value = _LABELS[number % len(_LABELS)]
    record: Record = {"key": key, "value": value, "description": named(f"The {key} is {value}.", number)}
    return thinned(record, number % len(_LABELS), description=3)


MAKERS: dict[str, Maker] = {
    "users": _users,
    "user_user_groups": _user_user_groups,
    "user_groups": _user_groups,
    "user_group_users": _user_group_users,
    "user_group_invites": _user_group_invites,
    "invites": _invites,
    "roles": _roles,
    "labels": _labels,
}
"""The function that makes an endpoint's records, by the endpoint's name."""
