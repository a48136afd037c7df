"""Which records belong together, and which lack what: told from their ids or places, without chance."""

from zlib import crc32

from segment_dagster.emulator.world.factories import ListContext, Record


def stable_hash(*ids: str) -> int:
    """A number that is the same for the same ids, whoever asks."""
    return crc32("/".join(ids).encode())


def is_linked(one: str, other: str, percent: int) -> bool:
    """Whether two records are connected: so many of a hundred pairs are."""
    return stable_hash(one, other) % 100 < percent


def parent_index(context: ListContext, endpoint: str) -> int:
    """The place that the parent has in its endpoint's list."""
    identity = context.parent["id"]
    return next(place for place, record in enumerate(context.records(endpoint)) if record["id"] == identity)


def drop_fields(record: Record, number: int, **every: int) -> Record:
    """The record without the fields whose turn it is.

    Args:
        record: All that it could hold.
        number: Which record it is.
        every: By field, how many records come to one that lacks it.
    """
    return {name: held for name, held in record.items() if name not in every or number % every[name] != 1}
