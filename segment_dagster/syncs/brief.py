"""Settings for requests that have little time."""

from segment_dagster.config import ApiSettings


def brief(settings: ApiSettings, retry_seconds: float, request_timeout: float) -> ApiSettings:
    """Return settings with which a request ends soon, and what it waits for too.

    Args:
        settings: The settings.
        retry_seconds: For how long a request is tried again, or waits for the limit.
        request_timeout: Seconds to wait for an answer.
    """
    limits = {
        "retry_seconds": retry_seconds,
        "rate_limit_seconds": retry_seconds,
        "request_timeout": request_timeout,
    }
    return settings.model_copy(update=limits)
