"""Responses of faults that replace the records."""

import time
from collections.abc import Callable
from email.utils import formatdate
from math import ceil

from starlette.responses import HTMLResponse, Response

from segment_dagster.emulator.errors import error_response
from segment_dagster.emulator.faults import Fault
from segment_dagster.emulator.features import feature_missing
from segment_dagster.emulator.transport import Reset, Transports
from segment_dagster.endpoints import Endpoint

_LIMITED = ("too-many-requests", "You have made too many requests.")


def unauthorized() -> Response:
    """Return the 401 response for a missing or wrong token."""
    return error_response(401, "unauthorized", "The token is missing or not valid.")


def not_found(what: str) -> Response:
    """Return the 404 response for something that does not exist."""
    return error_response(404, "not-found", f"{what} was not found.")


def _retry_after(row: Endpoint, fault: Fault) -> Response:
    return error_response(429, *_LIMITED, headers={"Retry-After": str(ceil(fault.seconds))})


def _ms_before_next(row: Endpoint, fault: Fault) -> Response:
    return error_response(429, *_LIMITED, data={"msBeforeNext": int(fault.seconds * 1000)})


def _reset_date(row: Endpoint, fault: Fault) -> Response:
    return error_response(
        429, *_LIMITED, headers={"X-RateLimit-Reset": formatdate(time.time() + fault.seconds, usegmt=True)}
    )


def _bare(row: Endpoint, fault: Fault) -> Response:
    return error_response(429, *_LIMITED)


def _server_error(row: Endpoint, fault: Fault) -> Response:
    return error_response(500, "server-error", "Something went wrong.")


def _html(row: Endpoint, fault: Fault) -> Response:
    return HTMLResponse("<html><body><h1>503 Service Unavailable</h1></body></html>", 503)


def _missing_feature(row: Endpoint, fault: Fault) -> Response:
    return feature_missing(row)


def _forbidden(row: Endpoint, fault: Fault) -> Response:
    return error_response(403, "forbidden", f"The token lacks the permission {row.permission}.")


def _not_found(row: Endpoint, fault: Fault) -> Response:
    return not_found(row.name)


def _revoked(row: Endpoint, fault: Fault) -> Response:
    return unauthorized()


_ANSWERS: dict[str, Callable[[Endpoint, Fault], Response]] = {
    "429-retry-after": _retry_after,
    "429-ms-before-next": _ms_before_next,
    "429-reset": _reset_date,
    "429-bare": _bare,
    "500": _server_error,
    "503-html": _html,
    "missing-feature": _missing_feature,
    "forbidden": _forbidden,
    "not-found": _not_found,
    "revoked-token": _revoked,
}


def fault_response(row: Endpoint, fault: Fault, transports: Transports) -> Response | None:
    """Return the response that a fault sends instead of the records, or `None` if the fault sends none.

    Args:
        row: The requested endpoint.
        fault: The fault that hit the request.
        transports: The open connections.
    """
    if fault.kind == "reset":
        return Reset(transports)
    make = _ANSWERS.get(fault.kind)
    return make(row, fault) if make else None
