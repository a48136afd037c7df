"""What a function that makes records is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from segment_dagster.emulator.world.draw import Draw

Record = dict[str, Any]
"""One record, as the API writes it."""


@dataclass(frozen=True)
class Making:
    """What the records of one list are made from."""

    draw: Draw
    scale: int

    records: Callable[[str], list[Record]]
    """The records of an endpoint that comes earlier in the catalogue."""

    parent: Record = field(default_factory=dict)
    """The record that the list belongs to; empty for an endpoint without a parent."""


Maker = Callable[[Making], list[Record]]
"""Makes the records of one list."""
