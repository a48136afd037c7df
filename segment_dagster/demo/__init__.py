"""A first look without a Segment account: the emulator, the main job, the UI."""
