"""The local Segment API for the tests of a project that loads Segment. It needs the extra `demo`.

`segment_emulator` is a pytest fixture; `run_emulator` is a context manager for everything else.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from segment_dagster.emulator import Emulator, Fault
from segment_dagster.emulator import running as run_emulator

__all__ = ["Emulator", "Fault", "run_emulator", "segment_emulator"]

try:
    import pytest
except ModuleNotFoundError:
    # a type checker that sees it takes every name for one of the module's
    if not TYPE_CHECKING:

        def __getattr__(name: str) -> NoReturn:
            if name == "segment_emulator":
                raise ImportError(
                    "segment_emulator is a pytest fixture, and pytest is not installed. Install it: "
                    "pip install pytest. Without pytest, use run_emulator.",
                    name="pytest",
                )
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

else:

    @pytest.fixture
    def segment_emulator() -> Iterator[Emulator]:
        """Run the local Segment API in a thread during one test, with a workspace that is the same each time.

        Yields:
            The emulator. Its `url` and `token` are the settings of whatever the test runs.
        """
        with run_emulator() as emulator:
            yield emulator
