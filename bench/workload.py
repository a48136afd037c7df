"""What is measured: the endpoints, and the size of the workspace."""

from datetime import datetime, timezone

ENDPOINTS = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments", "audit_events")
"""What is read and loaded, with all its checks."""

FIVE = ("workspace", "sources", "destinations", "warehouses", "segments")
"""The endpoints of dltHub's Segment page: what a start costs is measured with these."""

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
"""What time it is to the emulator and to all that asks it, so that every run asks for the same."""

LATENCY = 0.1
"""Seconds that every answer takes."""

AUDIT_A_DAY = 56
"""Audit events of a day, at most, at scale 1: about 50,000 at scale 20 in the 90 days that are read."""

MINUTE = 0.1
"""Seconds of the minute that the documented limits are counted in: they are to be kept to and not to be waited for."""

REQUESTS_PER_MINUTE = 1_000_000
"""The budget of the token: so large that it is no limit."""
