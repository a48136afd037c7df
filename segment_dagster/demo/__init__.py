"""Demos that need no Segment account: the emulator, the main job, the UI."""

# imported before the commands, so that without the extra `demo` each ends with one line
import segment_dagster.emulator  # noqa: F401
