"""Faults that another attempt may mend."""

TRANSIENT_FAULTS = {
    "429-retry-after": 0,
    "429-ms-before-next": 0.002,
    "429-reset": 0,
    "429-bare": None,
    "500": None,
    "503-html": None,
    "reset": None,
    "truncated": None,
    "bad-json": None,
    "empty-body": None,
}
"""By kind, with a value that makes no test wait."""
