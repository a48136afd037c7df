"""Planted users, groups, roles and invites."""

from segment_dagster.emulator.world.factories import Record

WORKSPACE = "workspace"
"""Stands for the id of the workspace, which depends on the seed."""

ROLES: tuple[Record, ...] = (
    {"id": "rol_owner", "name": "Workspace Owner", "description": "May do everything."},
    {"id": "rol_member", "name": "Workspace Member", "description": "May see the workspace."},
    {"id": "rol_source_admin", "name": "Source Admin", "description": "May change sources."},
    {"id": "rol_source_reader", "name": "Source Read-only", "description": "May see sources."},
    {"id": "rol_warehouse_admin", "name": "Warehouse Admin", "description": "May change warehouses."},
    {"id": "rol_function_admin", "name": "Function Admin", "description": "May change functions."},
)
_NAMES = {role["id"]: role["name"] for role in ROLES}


def _holds(role: str, *resources: tuple[str, str]) -> Record:
    listed = [{"id": identity, "type": type_, "labels": []} for type_, identity in resources]
    return {"roleName": _NAMES[role], "roleId": role, "resources": listed, "labels": []}


def _user(identity: str, name: str, email: str, *permissions: Record) -> Record:
    return {"id": identity, "name": name, "email": email, "permissions": list(permissions)}


USERS: tuple[Record, ...] = (
    _user(
        *("usr_direct", "Anna Direct", "anna@planted.example"),
        _holds("rol_source_admin", ("SOURCE", "src_live"), ("SOURCE", "src_quiet")),
    ),
    _user("usr_group", "Ben Group", "ben@planted.example"),
    _user(
        *("usr_both", "Cleo Both", "cleo@planted.example"),
        _holds("rol_warehouse_admin", ("WAREHOUSE", "whs_used")),
    ),
    _user(
        *("usr_inactive", "Dora Inactive", "dora@planted.example"),
        _holds("rol_owner", ("WORKSPACE", WORKSPACE)),
    ),
    _user("usr_silent", "Emil Silent", "emil@planted.example"),
    _user(
        *("usr_edge", "Finn Edge", "finn@planted.example"),
        _holds("rol_source_reader", ("SOURCE", "src_dead")),
    ),
)

GROUPS: tuple[Record, ...] = (
    {"id": "grp_analysts", "name": "Analysts", "permissions": [_holds("rol_member", ("WORKSPACE", WORKSPACE))]},
    {"id": "grp_on_call", "name": "On call", "permissions": [_holds("rol_function_admin", ("FUNCTION", "fn_used"))]},
    {"id": "grp_newcomers", "name": "Newcomers", "permissions": [_holds("rol_source_reader", ("SOURCE", "src_live"))]},
)

MEMBERS = {
    "grp_analysts": ("usr_group", "usr_both"),
    "grp_on_call": ("usr_both", "usr_silent"),
}
"""The members of each group."""

GROUP_INVITES = {"grp_newcomers": ("guest@planted.example",)}
"""The addresses that are invited into each group."""

INVITES = ("guest@planted.example", "pending@planted.example")
"""All addresses that are invited. The second into no group."""
