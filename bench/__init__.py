"""Benchmarks of the project, against the emulator."""
