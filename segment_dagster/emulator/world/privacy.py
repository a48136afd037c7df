"""Privacy: requests to delete or suppress a person's data."""

from segment_dagster.emulator.world.deterministic import stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.timestamps import random_timestamp

_SUBJECTS = ("USER_ID", "OBJECT_ID", "ANONYMOUS_ID")
_STATUSES = ("FINISHED", "RUNNING", "INITIALIZED", "FAILED", "PARTIAL_SUCCESS", "INVALID", "NOT_SUPPORTED")
_TYPES = (
    "SUPPRESS_WITH_DELETE",
    "DELETE_ONLY",
    "SUPPRESS_ONLY",
    "UNSUPPRESS",
    "DELETE_INTERNAL",
    "DELETE_ARCHIVE_ONLY",
    "SUPPRESS_WITH_DELETE_INTERNAL",
)


def regulations_of(source_id: str) -> list[Record]:
    """Return the requests of one source: the same in every list."""
    # these records hold no secrets, so any generator will do
    draw = RandomValues(f"{source_id}/regulations", SecretGenerator(0))
    first = stable_hash(source_id)
    return [_regulation(draw, first + place) for place in range(draw.number(0, 4))]


def _regulations(context: ListContext) -> list[Record]:
    limited = [record for source in context.records("sources") for record in regulations_of(source["id"])]
    return [*(_regulation(context.draw, number) for number in range(30 * context.scale)), *limited]


def _regulation(draw: RandomValues, number: int) -> Record:
    status = _STATUSES[number % len(_STATUSES)]
    record: Record = {
        "id": f"reg_{draw.id()}",
        "subjectType": draw.pick(_SUBJECTS),
        "subjects": [_subject(draw, number + place) for place in range(number % 4 + 1)],
        "status": status,
        "createdAt": random_timestamp(draw, 2024, number % 3),
        "regulationType": _TYPES[number // 2 % len(_TYPES)],
    }
    return record | ({"finishedAt": random_timestamp(draw, 2025, number // 3 % 3)} if status == "FINISHED" else {})


def _suppressions(context: ListContext) -> list[Record]:
    draw = context.draw
    return [
        {
            "subjectType": draw.pick(_SUBJECTS),
            "subjectIds": [_subject(draw, number * 4 + place) for place in range(number % 4 + 1)],
        }
        for number in range(40 * context.scale)
    ]


def _subject(draw: RandomValues, number: int) -> str:
    identity = draw.hex(16)
    return identity if number % 7 else f"{identity} {ODD[number // 7 % len(ODD)]}"


MAKERS: dict[str, Maker] = {"regulations": _regulations, "suppressions": _suppressions}
"""Functions that generate the records, by endpoint name."""
