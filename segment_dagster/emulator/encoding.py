"""JSON as bytes."""

import orjson


def encode(value: object) -> bytes:
    """Encode a value as UTF-8 JSON."""
    return orjson.dumps(value)
