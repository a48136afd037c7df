"""Choices that depend on ids and positions, not on random values."""

from zlib import crc32

from segment_dagster.emulator.world.factories import ListContext, Record


def stable_hash(*ids: str) -> int:
    """Return a stable hash of ids."""
    return crc32("/".join(ids).encode())


def is_linked(one: str, other: str, percent: int) -> bool:
    """Return whether two records are connected. `percent` of all pairs are."""
    return stable_hash(one, other) % 100 < percent


def parent_index(context: ListContext, endpoint: str) -> int:
    """Return the index of the parent in the records of its endpoint."""
    identity = context.parent["id"]
    return next(place for place, record in enumerate(context.records(endpoint)) if record["id"] == identity)


def drop_fields(record: Record, number: int, **every: int) -> Record:
    """Drop optional fields from some records.

    Args:
        record: The record with all fields.
        number: Number of the record.
        every: By field, every how many records it is missing once.
    """
    return {name: held for name, held in record.items() if name not in every or number % every[name] != 1}
