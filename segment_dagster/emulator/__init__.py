"""A local Segment Public API over HTTP, with a made-up workspace and faults on request.

Run it with `python -m segment_dagster.emulator`, or inside a process with `running`.
"""

from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.adjustments import Correction, MissingDay, Silence
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.faults import KINDS, Fault, Faults
from segment_dagster.emulator.hooks import Hooks
from segment_dagster.emulator.server import Emulator, running
from segment_dagster.emulator.stats import Seen, Stats
from segment_dagster.emulator.world import World

__all__ = [
    "KINDS",
    "Correction",
    "Corrections",
    "Edit",
    "Edits",
    "Emulator",
    "Fault",
    "Faults",
    "Hooks",
    "MissingDay",
    "Seen",
    "Silence",
    "Stats",
    "World",
    "running",
]
