"""Planted spaces, audiences, computed traits and functions."""

from segment_dagster.emulator.planted.connections import FUNCTION_DESTINATION, FUNCTION_SOURCE
from segment_dagster.emulator.world.factories import Record

_MADE = {"createdAt": "2025-01-10T09:00:00Z", "updatedAt": "2025-02-10T09:00:00Z"}
_BY = {"createdBy": "usr_direct", "updatedBy": "usr_direct"}

SPACES: tuple[Record, ...] = (
    {"id": "spa_planted", "slug": "planted", "name": "Planted"},
    {"id": "spa_other", "slug": "planted-other", "name": "The other space"},
)


def _audience(identity: str, name: str, query: str) -> Record:
    return {
        "id": identity,
        "spaceId": "spa_planted",
        "name": name,
        "key": identity.removeprefix("aud_"),
        "enabled": True,
        "definition": {"query": query},
        "status": "Live",
        **_BY,
        **_MADE,
        "audienceType": "USERS",
        "computeCadence": {"type": "REALTIME"},
        "size": {"count": 10, "type": "USERS"},
        "options": {"filterByExternalIds": ["user_id"]},
    }


AUDIENCES: tuple[Record, ...] = (
    _audience("aud_used", "Goes to a destination", "trait('ltv_total') >= 100"),
    _audience("aud_unused", "Goes nowhere", "event('Order Completed').count() >= 1"),
)

CONNECTIONS: dict[str, tuple[Record, ...]] = {
    "aud_used": (
        {
            "id": "con_used",
            "name": "Loses nothing",
            "sourceId": "src_live",
            "enabled": True,
            **_MADE,
            "settings": {},
            "destinationId": "dst_perfect",
            "idSyncConfiguration": [],
        },
    )
}
"""The destinations of each audience."""

ACTIVATIONS: dict[str, tuple[Record, ...]] = {
    "aud_used": (
        {
            "id": "act_used",
            "enabled": True,
            "spaceId": "spa_planted",
            "audienceId": "aud_used",
            "connectionId": "con_used",
            "activationType": "audience_entered",
            "activationName": "Welcome mail",
            "displayName": "Welcome",
            "personalization": {"profile": {"properties": ["favourite_colour"]}, "entities": []},
            "destinationMapping": {"actionId": "planted_action", "settings": {}},
            "performResync": False,
        },
    )
}
"""The activations of each audience."""


def _trait(identity: str, key: str, query: str, space_id: str = "spa_planted") -> Record:
    return {
        "id": identity,
        "spaceId": space_id,
        "name": f"Trait {key}",
        "key": key,
        "enabled": True,
        "definition": {"query": query, "type": "USERS"},
        "status": "Live",
        **_BY,
        **_MADE,
        "options": {},
    }


_COUNT = "event('Order Completed').count()"

TRAITS: tuple[Record, ...] = (
    _trait("ct_in_audience", "ltv_total", "trait('orders_per_month') * 10"),
    _trait("ct_in_trait", "orders_per_month", _COUNT),
    _trait("ct_in_activation", "favourite_colour", _COUNT),
    _trait("ct_unused", "shoe_size", _COUNT),
    # its key is the beginning of one that is used
    _trait("ct_prefix", "ltv", _COUNT),
    # its key is used in the other space
    _trait("ct_other_space", "ltv_total", _COUNT, "spa_other"),
)


def _function(identity: str, type_: str, name: str, catalog_id: str | None = None) -> Record:
    in_catalogue = {} if catalog_id is None else {"catalogId": catalog_id}
    made = {"createdAt": _MADE["createdAt"], "createdBy": "usr_direct"}
    return {"id": identity, "resourceType": type_, **made, "displayName": name, **in_catalogue}


FUNCTIONS: tuple[Record, ...] = (
    _function("fn_used", "INSERT_DESTINATION", "Insert function with an instance"),
    _function("fn_unused", "INSERT_DESTINATION", "Insert function without an instance"),
    _function("fn_source_unused", "INSERT_SOURCE", "Source insert function without an instance"),
    _function("fn_destination", "DESTINATION", "Function that a destination runs", FUNCTION_DESTINATION),
    _function("fn_source", "SOURCE", "Function that a source runs", FUNCTION_SOURCE),
)

INSTANCES: dict[str, tuple[Record, ...]] = {
    "fn_used": (
        {
            "id": "fni_used",
            "name": "Instance",
            "integrationId": "dst_perfect",
            "classId": "fn_used",
            "enabled": True,
            **_MADE,
            "settings": {},
            "encryptedSettings": {},
        },
    )
}
"""The instances of each function."""
