"""A local Segment Public API over HTTP, with a made-up workspace and faults on request.

Run it with `python -m segment_dagster.emulator`, or inside a process with `running`. It needs the extra `demo`.
"""

import sys

try:
    from segment_dagster.emulator.active_edits import Edits
    from segment_dagster.emulator.adjustments import Correction, MissingDay, Silence
    from segment_dagster.emulator.corrections import Corrections
    from segment_dagster.emulator.edit import Edit
    from segment_dagster.emulator.faults import KINDS, Fault, Faults
    from segment_dagster.emulator.hooks import Hooks
    from segment_dagster.emulator.reverse_sync import ReverseStep, ReverseSync
    from segment_dagster.emulator.reverse_syncs import ReverseSyncs
    from segment_dagster.emulator.server import Emulator, running
    from segment_dagster.emulator.stats import Seen, Stats
    from segment_dagster.emulator.syncs import Syncs
    from segment_dagster.emulator.traffic import Outcome, Traffic
    from segment_dagster.emulator.warehouse_sync import Notice, SyncStep, WarehouseSync
    from segment_dagster.emulator.world import World
except ModuleNotFoundError as error:
    if error.name not in ("starlette", "uvicorn"):
        raise
    line = (
        f"The local Segment API needs {error.name}, which is not installed. "
        "Install it: pip install 'segment_dagster[demo]'."
    )
    # `python -m` imports the package before `__main__`, which could say it otherwise; until then argv begins with "-m"
    command = next((word for word in sys.orig_argv if word.startswith("segment_dagster.")), None)
    if sys.argv[:1] == ["-m"] and command:
        sys.exit(f"{command}: {line}")
    raise ImportError(line, name=error.name) from None

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
    "Notice",
    "Outcome",
    "ReverseStep",
    "ReverseSync",
    "ReverseSyncs",
    "Seen",
    "Silence",
    "Stats",
    "SyncStep",
    "Syncs",
    "Traffic",
    "WarehouseSync",
    "World",
    "running",
]
