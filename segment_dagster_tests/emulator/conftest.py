import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from urllib.parse import quote

import pytest
import requests

from segment_dagster.emulator import Emulator, World, running
from segment_dagster.endpoints import Endpoint, TimeRange

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
"""What time the emulator takes it to be."""


@pytest.fixture(scope="session")
def world() -> World:
    return World(scale=1, seed=7)


@pytest.fixture(scope="session")
def served(world: World) -> Iterator[Emulator]:
    with running(world=world, token="right") as emulator:
        yield emulator


@pytest.fixture
def emulator(served: Emulator) -> Iterator[Emulator]:
    served.faults.clear()
    served.edits.clear()
    served.syncs.clear()
    served.corrections.clear()
    served.stats.clear()
    served.clock.set(NOW)
    served.limits.set(enforced=False, minute=60)
    served.features.set((), 403)
    yield served
    served.hooks.clear()
    served.faults.clear()
    served.edits.clear()
    served.syncs.clear()
    served.corrections.clear()


@pytest.fixture
def api(emulator: Emulator) -> Iterator[SimpleNamespace]:
    """`get` and `json` of a path, with the right token."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {emulator.token}"

        def get(path: str, **options: object) -> requests.Response:
            return session.get(emulator.url + path, timeout=10, **options)  # type: ignore[arg-type]

        yield SimpleNamespace(get=get, json=lambda path, **options: get(path, **options).json(), session=session)


@pytest.fixture
def ask(api: SimpleNamespace) -> Callable[..., requests.Response]:
    """Ask for a list of an endpoint, of a time that is documented to work, with more or other parameters.

    A parameter that is `None` is left out.
    """

    def asked(row: Endpoint, values: Mapping[str, str], headers: object = None, **more: object) -> requests.Response:
        query: dict[str, object] = {name: value for name, value in values.items() if f"{{{name}}}" not in row.path}
        query |= _time(row) | {name.replace("__", "."): value for name, value in more.items()}
        query = {name: value for name, value in query.items() if value is not None}
        path = re.sub(r"{(\w+)}", lambda match: quote(values[match[1]], safe=""), row.path)
        return api.get(path, params=query, headers=headers)  # type: ignore[no-any-return]

    return asked


def _time(row: Endpoint) -> dict[str, object]:
    if row.time is None:
        return {}
    if not isinstance(row.time, TimeRange):
        return {"period": "2024-03-01"}
    today = NOW.replace(hour=0, minute=0)
    start = today - timedelta(days=row.time.days)
    query: dict[str, object] = {"startTime": start.isoformat(), "endTime": today.isoformat()}
    return query | ({"granularity": row.time.granularity} if row.time.granularity else {})
