"""What the audit trail calls the things that happen to a record."""

from segment_dagster.emulator.world.factories import Change, Record

RESOURCES = {
    "sources": ("SOURCE", "Source"),
    "destinations": ("DESTINATION", "Destination"),
    "segments": ("AUDIENCE", "Audience"),
    "warehouses": ("WAREHOUSE", "Warehouse"),
}
"""By the endpoint that lists them, the type of a resource and its name in events. Others are named as their list."""

_ACTIONS = {"create": "Created", "modify": "Modified", "delete": "Deleted"}
_OTHERWISE = {
    ("users", "create"): "User Invite Accepted",
    ("users", "delete"): "User Removed",
    ("user_groups", "modify"): "User Group Updated",
    ("tracking_plan_sources", "create"): "Source Connected to Tracking Plan",
    ("tracking_plan_sources", "delete"): "Source Disconnected From Tracking Plan",
}
"""Where Segment has another word for it."""


def resource_type(endpoint: str) -> str:
    """The type of the resources that an endpoint lists: `TRACKING_PLAN`."""
    return RESOURCES[endpoint][0] if endpoint in RESOURCES else endpoint.removesuffix("s").upper()


def resource_name(record: Record) -> str:
    """What a resource is called."""
    called = record.get("name") or record.get("slug") or record.get("metadata", {}).get("name") or record["id"]
    return str(called)


def type_of(change: Change) -> str:
    """The type of the event that tells of a change: `Tracking Plan Modified`."""
    if otherwise := _OTHERWISE.get((change.endpoint, change.action)):
        return otherwise
    what = _ACTIONS[change.action]
    if set(change.fields) == {"enabled"} and change.action == "modify":
        what = "Enabled" if change.fields["enabled"] else "Disabled"
    if set(change.fields) == {"settings"} and change.action == "modify":
        what = "Settings Modified"
    return f"{_subject(change)} {what}"


def _subject(change: Change) -> str:
    if change.endpoint == "functions":
        return f"{change.record.get('resourceType', '').replace('_', ' ').title()} Function".strip()
    if change.endpoint in RESOURCES:
        return RESOURCES[change.endpoint][1]
    return change.endpoint.removesuffix("s").replace("_", " ").title()
