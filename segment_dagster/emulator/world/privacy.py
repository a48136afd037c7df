"""Requests to delete or suppress what is known about a person."""

from segment_dagster.emulator.world.choosing import number_of
from segment_dagster.emulator.world.draw import Draw, Mint
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.times import moment

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
    """The requests that are limited to one source: the same ones whoever asks."""
    # these records hold no secret, so nothing has to remember any
    draw = Draw(f"{source_id}/regulations", Mint(0))
    first = number_of(source_id)
    return [_regulation(draw, first + place) for place in range(draw.number(0, 4))]


def _regulations(making: Making) -> list[Record]:
    limited = [record for source in making.records("sources") for record in regulations_of(source["id"])]
    return [*(_regulation(making.draw, number) for number in range(30 * making.scale)), *limited]


def _regulation(draw: Draw, number: int) -> Record:
    status = _STATUSES[number % len(_STATUSES)]
    record: Record = {
        "id": f"reg_{draw.id()}",
        "subjectType": draw.pick(_SUBJECTS),
        "subjects": [_subject(draw, number + place) for place in range(number % 4 + 1)],
        "status": status,
        "createdAt": moment(draw, 2024, number % 3),
        "regulationType": _TYPES[number // 2 % len(_TYPES)],
    }
    return record | ({"finishedAt": moment(draw, 2025, number // 3 % 3)} if status == "FINISHED" else {})


def _suppressions(making: Making) -> list[Record]:
    draw = making.draw
    return [
        {
            "subjectType": draw.pick(_SUBJECTS),
            "subjectIds": [_subject(draw, number * 4 + place) for place in range(number % 4 + 1)],
        }
        for number in range(40 * making.scale)
    ]


def _subject(draw: Draw, number: int) -> str:
    identity = draw.hex(16)
    return identity if number % 7 else f"{identity} {ODD[number // 7 % len(ODD)]}"


MAKERS: dict[str, Maker] = {"regulations": _regulations, "suppressions": _suppressions}
"""The function that makes an endpoint's records, by the endpoint's name."""
