from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests

from segment_dagster.emulator import Emulator, World, running


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
    served.stats.clear()
    yield served
    served.faults.clear()


@pytest.fixture
def api(emulator: Emulator) -> Iterator[SimpleNamespace]:
    """`get` and `json` of a path, with the right token."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {emulator.token}"

        def get(path: str, **options: object) -> requests.Response:
            return session.get(emulator.url + path, timeout=10, **options)  # type: ignore[arg-type]

        yield SimpleNamespace(get=get, json=lambda path, **options: get(path, **options).json(), session=session)
