"""Names of resources and events in the audit trail."""

from segment_dagster.emulator.world.factories import Change, Record

RESOURCES = {
    "sources": ("SOURCE", "Source"),
    "destinations": ("DESTINATION", "Destination"),
    "segments": ("AUDIENCE", "Audience"),
    "warehouses": ("WAREHOUSE", "Warehouse"),
}
"""Resource types and their names in events, by endpoint. Other endpoints derive them from their own name."""

_ACTIONS = {"create": "Created", "modify": "Modified", "delete": "Deleted"}
_EXCEPTIONS = {
    ("users", "create"): "User Invite Accepted",
    ("users", "delete"): "User Removed",
    ("user_groups", "modify"): "User Group Updated",
    ("tracking_plan_sources", "create"): "Source Connected to Tracking Plan",
    ("tracking_plan_sources", "delete"): "Source Disconnected From Tracking Plan",
}
"""Exceptions, where Segment uses another word."""


def resource_type(endpoint: str) -> str:
    """Return the resource type of an endpoint: `TRACKING_PLAN`."""
    return RESOURCES[endpoint][0] if endpoint in RESOURCES else endpoint.removesuffix("s").upper()


def resource_name(record: Record) -> str:
    """Return the display name of a resource."""
    name = record.get("name") or record.get("slug") or record.get("metadata", {}).get("name") or record["id"]
    return str(name)


def event_type(change: Change) -> str:
    """Return the event type of a change: `Tracking Plan Modified`."""
    if exception := _EXCEPTIONS.get((change.endpoint, change.action)):
        return exception
    action = _ACTIONS[change.action]
    if set(change.fields) == {"enabled"} and change.action == "modify":
        action = "Enabled" if change.fields["enabled"] else "Disabled"
    if set(change.fields) == {"settings"} and change.action == "modify":
        action = "Settings Modified"
    return f"{_subject(change)} {action}"


def _subject(change: Change) -> str:
    if change.endpoint == "functions":
        return f"{change.record.get('resourceType', '').replace('_', ' ').title()} Function".strip()
    if change.endpoint in RESOURCES:
        return RESOURCES[change.endpoint][1]
    return change.endpoint.removesuffix("s").replace("_", " ").title()
