"""Everything that rests on another library's private parts, so that one place has to follow when those change.

Each module names the library, the version it was seen in, and what breaks if it changes. Each has a test of its own in
`segment_dagster_tests/compat/`, which fails with that sentence. Elsewhere, ruff refuses private imports (TID251) and
private attributes (SLF001).
"""
