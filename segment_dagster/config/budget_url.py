"""The address of what counts the requests of several machines."""

from typing import Any
from urllib.parse import urlsplit

from segment_dagster.config.source import plain_text, refused


def check_budget_url(value: Any) -> Any:
    """Return the address as it is, for a field's validator. No error shows it, as it may hold a password."""
    url = plain_text(value)
    if url and not _leads_somewhere(url):
        raise refused(
            "is no address of PostgreSQL, Redis or a directory",
            "Set it to postgresql://user:password@host/database, redis://:password@host, rediss://:password@host or "
            "file:///directory.",
        )
    return url or None


def _leads_somewhere(url: str) -> bool:
    if not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        if parts.scheme in ("redis", "rediss"):
            # the port is read only when it is asked for
            return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    if parts.scheme == "file":
        return not parts.netloc and parts.path.startswith("/") and len(parts.path) > 1
    # libpq takes many forms, with several hosts or with none, and reads them itself
    return parts.scheme in ("postgresql", "postgres")
