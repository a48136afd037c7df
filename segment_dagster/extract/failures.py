"""Endpoints that failed, and what to print of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from segment_dagster.client import ApiError
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.errors import ParentError, UnavailableError


@dataclass(frozen=True)
class Failure:
    """An endpoint that could not be read whole. Nothing of it is left."""

    endpoint: Endpoint
    error: SegmentError


def format_failures(failures: Sequence[Failure]) -> list[str]:
    """Return one line per failure; repeated remedies, and reasons that the parent's line has, are omitted."""
    failed = {failure.endpoint.name for failure in failures}
    remedies: set[str] = set()
    lines = []
    for error in (failure.error for failure in failures):
        repeated = isinstance(error, ParentError) and error.parent in failed
        if isinstance(error, ApiError) and error.remedy:
            repeated = error.remedy in remedies
            remedies.add(error.remedy)
        lines.append(f"{error.happened}." if repeated and isinstance(error, ApiError | ParentError) else str(error))
    return lines


def translate_failure(failure: BaseException, requested: Endpoint, endpoint: Endpoint) -> BaseException:
    """Translate a failure for an endpoint that shares the response.

    Args:
        failure: The failure of the endpoint that was requested.
        requested: That endpoint.
        endpoint: The endpoint that shares its response, or the same.
    """
    if endpoint == requested or not isinstance(failure, SegmentError):
        return failure
    if isinstance(failure, UnavailableError):
        return UnavailableError(endpoint, failure.reason)
    return ParentError(endpoint, requested.name, failure, "its rows come in the answers of")
