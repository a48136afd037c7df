"""How good or bad the states of the marts are."""

LEVELS = {
    **dict.fromkeys(("live", "healthy", "active", "synced"), "good"),
    **dict.fromkeys(("quiet", "never", "idle", "invited", "near plan", "silent", "unknown"), "warn"),
    **dict.fromkeys(("dead", "failing", "inactive", "over plan"), "bad"),
}
"""By state; the others, such as `disabled`, are `off`."""


def level(state: str) -> str:
    """Return the level of a state."""
    return LEVELS.get(state, "off")
