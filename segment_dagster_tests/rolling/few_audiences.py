"""The references of 12 audiences, at two requests a minute: more than four minutes, so they are read one by one."""

from dataclasses import replace
from typing import Any

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import World
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.extract import Extractor
from segment_dagster.load import resolve_destination
from segment_dagster.sync import SyncObserver, sync

NAME = "audience_references"
AUDIENCES = 12


def of_few(ids: tuple[str, ...], name: str = NAME, *, per_minute: int = 2) -> Endpoint:
    """The endpoint as if there were these audiences alone."""
    (row,) = (each for each in TABLES if each.name == name)
    assert row.parent is not None
    return replace(row, requests_per_minute=per_minute, parent=replace(row.parent, only=("id", ids)))


def first_audiences(world: World) -> tuple[str, ...]:
    """Audiences of both spaces."""
    ids = [audience["id"] for audience in world.records("segments")]
    return tuple(ids[:: len(ids) // AUDIENCES][:AUDIENCES])


def read(
    *endpoints: Endpoint,
    observer: SyncObserver | None = None,
    verify=None,
    load_package=None,
    destination=None,
    **settings,
) -> Any:
    """One run of the core, into DuckDB in the working directory or where the environment says."""
    names = {endpoint.name for endpoint in endpoints}
    catalogue = [*(row for row in TABLES if row.name not in names), *endpoints]
    with Extractor(ApiSettings(**settings), catalogue) as extractor:
        result = sync(
            endpoints,
            extractor,
            destination or resolve_destination(DestinationSettings()),
            observer=observer,
            verify=verify,
            load_package=load_package,
        )
    return result
