"""Control endpoints for the clock and the workspace. They need no token."""

from datetime import datetime, timedelta
from typing import Any

from starlette.routing import BaseRoute, Route

from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.adjustments import from_json, to_json
from segment_dagster.emulator.clock import Clock, parse_time
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.handlers import checked, delete, get, listed, put


def routes(clock: Clock, edits: Edits, corrections: Corrections) -> list[BaseRoute]:
    """Build the routes that control the workspace: `/_emulator/clock`, `edits`, `audit` and `numbers`.

    Args:
        clock: The clock.
        edits: The edits of the workspace.
        corrections: The adjustments of its counts.

    Returns:
        The routes.
    """

    def put_clock(given: Any) -> None:
        wanted = checked(given, now=(str, type(None)), advance=(int, float))
        if len(wanted) > 1:
            raise ValueError("a clock is either set or advanced: give now or advance")
        if "now" in wanted:
            clock.set(wanted["now"] if wanted["now"] is None else _moment("now", wanted["now"]))
        if "advance" in wanted:
            clock.advance(_seconds("advance", wanted["advance"]))

    def put_edits(given: Any) -> None:
        edits.replace(listed(given, Edit.from_json, "edits"))

    def post_edits(given: Any) -> None:
        edits.add(*listed(given, Edit.from_json, "edits"))

    def put_audit(given: Any) -> None:
        edits.quiet_audit = checked(given, quiet=bool).get("quiet", edits.quiet_audit)

    def put_numbers(given: Any) -> None:
        corrections.replace(listed(given, from_json, "adjustments"))

    def post_numbers(given: Any) -> None:
        corrections.add(*listed(given, from_json, "adjustments"))

    def get_edits() -> object:
        return [edit.to_json() for edit in edits.active]

    def get_numbers() -> object:
        return [to_json(adjustment) for adjustment in corrections.active]

    def get_audit() -> object:
        return {"quiet": edits.quiet_audit}

    return [
        Route("/_emulator/clock", get(clock.to_json), methods=["GET"]),
        Route("/_emulator/clock", put(put_clock, clock.to_json), methods=["PUT"]),
        Route("/_emulator/edits", get(get_edits), methods=["GET"]),
        Route("/_emulator/edits", put(put_edits, get_edits), methods=["PUT"]),
        Route("/_emulator/edits", put(post_edits, get_edits), methods=["POST"]),
        Route("/_emulator/edits", delete(edits.clear), methods=["DELETE"]),
        Route("/_emulator/audit", get(get_audit), methods=["GET"]),
        Route("/_emulator/audit", put(put_audit, get_audit), methods=["PUT"]),
        Route("/_emulator/numbers", get(get_numbers), methods=["GET"]),
        Route("/_emulator/numbers", put(put_numbers, get_numbers), methods=["PUT"]),
        Route("/_emulator/numbers", put(post_numbers, get_numbers), methods=["POST"]),
        Route("/_emulator/numbers", delete(corrections.clear), methods=["DELETE"]),
    ]


def _moment(name: str, text: str) -> datetime:
    if moment := parse_time(text):
        return moment
    raise ValueError(f"{name} is not a time in ISO 8601: {text!r}")


def _seconds(name: str, number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is not a number of seconds: {number!r}") from None
