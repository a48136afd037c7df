"""Access control: users, groups, invites, roles and labels."""

from segment_dagster.emulator.world.connections import STAGES, TEAMS
from segment_dagster.emulator.world.deterministic import drop_fields, is_linked
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.texts import display_name

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
"""Percentage of users in each group of `_GROUPS`."""

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


def _users(context: ListContext) -> list[Record]:
    made = []
    for number in range(60 * context.scale):
        record = _person(context, number)
        record["permissions"] = _permissions(context, number)
        made.append(drop_fields(record, number, permissions=6))
    return made


def _person(context: ListContext, number: int) -> Record:
    name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // 3 % len(_LAST)]}"
    return {"id": context.draw.id(), "name": display_name(name, number), "email": f"zoë.o'brien+{number}@example.com"}


def _permissions(context: ListContext, number: int) -> list[Record]:
    return [_permission(context, number + place * 3) for place in range(number % 4)]


def _permission(context: ListContext, number: int) -> Record:
    role = number % len(_ROLES)
    record: Record = {
        "roleName": _ROLES[role],
        "roleId": _role_id(role),
        "resources": [_resource(context, number + place) for place in range(number % 3 + 1)],
        "labels": [_label(number + place) for place in range(number % 3)],
    }
    return drop_fields(record, number, labels=2)


def _resource(context: ListContext, number: int) -> Record:
    draw = context.draw
    type_, endpoint = _RESOURCES[number % len(_RESOURCES)]
    records = context.records(endpoint) if endpoint else []
    record: Record = {
        "id": draw.pick(records)["id"] if records else f"spa_{draw.id()}",
        "type": type_,
        "labels": [_label(number)],
    }
    return drop_fields(record, number, labels=2)


def _user_user_groups(context: ListContext) -> list[Record]:
    return [_group(number) for number in _group_numbers(context) if _is_member(context.parent["id"], number)]


def _user_groups(context: ListContext) -> list[Record]:
    users, made = context.records("users"), []
    for number in _group_numbers(context):
        count = sum(_is_member(user["id"], number) for user in users)
        record = _group(number) | {"memberCount": count, "permissions": _permissions(context, number)}
        made.append(drop_fields(record, number, permissions=4))
    return made


def _user_group_users(context: ListContext) -> list[Record]:
    number = _number_of_group(context)
    return [
        {field: user[field] for field in ("id", "name", "email")}
        for user in context.records("users")
        if _is_member(user["id"], number)
    ]


def _user_group_invites(context: ListContext) -> list[str]:
    return _invited(_number_of_group(context))


def _invites(context: ListContext) -> list[str]:
    invited = [email for number in _group_numbers(context) for email in _invited(number)]
    more = [f"new.colleague+{number}@例え.example" for number in range(9 * context.scale)]
    return list(dict.fromkeys([*invited, *more]))


def _group_numbers(context: ListContext) -> range:
    return range(len(_GROUPS) * context.scale)


def _group(number: int) -> Record:
    return {"id": f"grp_{number:04d}", "name": display_name(_GROUPS[number % len(_GROUPS)], number)}


def _number_of_group(context: ListContext) -> int:
    return next(number for number in _group_numbers(context) if _group(number)["id"] == context.parent["id"])


def _is_member(user_id: str, number: int) -> bool:
    return is_linked(user_id, _group(number)["id"], _SHARES[number % len(_SHARES)])


def _invited(number: int) -> list[str]:
    """Return the addresses invited to a group. One address is invited to every group with invites."""
    if number % 3 == 1:
        return []
    return ["everywhere@example.com", *(f"zoë.o'brien+{number}.{place}@example.com" for place in range(number % 6))]


def _roles(context: ListContext) -> list[Record]:
    names = _ROLES if context.scale else ()
    return [
        {"id": _role_id(number), "name": name, "description": display_name(f"What a {name} may do.", number + 4)}
        for number, name in enumerate(names)
    ]


def _role_id(number: int) -> str:
    return f"rol_{number:04d}"


def _labels(context: ListContext) -> list[Record]:
    return [_label(number) for number in range(len(_LABELS) if context.scale else 0)]


def _label(number: int) -> Record:
    key, value = _LABELS[number % len(_LABELS)]
    record: Record = {"key": key, "value": value, "description": display_name(f"The {key} is {value}.", number)}
    return drop_fields(record, number % len(_LABELS), description=3)


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
"""Functions that generate the records, by endpoint name."""
