"""Demos that need no Segment account: the emulator, the main job, the UI."""
