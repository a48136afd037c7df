"""The command line: `python -m segment_dagster.emulator`."""

import argparse
import errno
import os
import signal
import sys
from datetime import datetime
from math import isfinite
from threading import Event
from typing import NoReturn

from segment_dagster.emulator.clock import parse_time
from segment_dagster.emulator.faults import Fault
from segment_dagster.emulator.features import GATE_STATUSES, Features
from segment_dagster.emulator.layouts import CURSOR_PLACES
from segment_dagster.emulator.limits import MINUTE, TOKEN_LIMIT
from segment_dagster.emulator.server import DEFAULT_TOKEN, running
from segment_dagster.emulator.world.audit import MADE_UP_A_DAY
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.reverse_etl_actions import ACTIONS

TOKEN_VARIABLE = "SEGMENT_EMULATOR_TOKEN"  # noqa: S105


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator until SIGTERM or SIGINT arrives.

    Args:
        arguments: The command line. Defaults to that of the process.

    Returns:
        The exit status.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    token = os.environ.get(TOKEN_VARIABLE) or DEFAULT_TOKEN
    try:
        with running(
            given.scale,
            given.seed,
            token,
            port=given.port,
            faults=given.fault,
            cursor_place=given.cursor_place,
            now=given.now,
            limits=given.limits,
            minute=given.minute,
            token_limit=given.token_limit,
            without=given.without,
            gate_status=given.gate_status,
            quiet_audit=given.quiet_audit,
            quiet_syncs=given.quiet_syncs,
            audit_a_day=given.audit_a_day,
            events_a_day=given.events_a_day,
            latency=given.latency,
            keep=given.keep,
            planted=given.planted,
        ) as emulator:
            print(f"Segment emulator listening on {emulator.url}", flush=True)
            stop.wait()
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        print(f"{parser.prog}: port {given.port} {reason}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "segment_dagster.emulator",
        description="A local Segment Public API, on 127.0.0.1 only. "
        f"It lets in the token that {TOKEN_VARIABLE} holds, by default {DEFAULT_TOKEN}.",
    )
    parser.add_argument("--port", type=_port, default=0, help="port to listen on; 0 (the default) takes a free one")
    parser.add_argument(
        "--scale", type=_scale, default=1, help="size of the workspace; 1 (the default) has 2,400 audiences"
    )
    parser.add_argument("--seed", type=int, default=7, help="which workspace it is (default 7)")
    # otherwise argparse reads --token as short for --token-limit and prints its value
    parser.add_argument("--token", type=_no_token, help=argparse.SUPPRESS)
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="KIND[:ENDPOINT][:after=N][:times=N][:value=X][:rate=X][:seed=N]",
        help="something to do wrong; may be given more than once",
    )
    parser.add_argument(
        "--cursor-place",
        choices=CURSOR_PLACES,
        default=CURSOR_PLACES[0],
        help="where the versioned layout has the next page's cursor",
    )
    parser.add_argument("--now", type=_moment, help="what time it is all the while, in ISO 8601 (default: it goes on)")
    parser.add_argument("--limits", action="store_true", help="refuse what is beyond the documented rate limits")
    parser.add_argument("--minute", type=_seconds, default=MINUTE, help="seconds of the limits' minute (default 60)")
    parser.add_argument(
        "--token-limit", type=_count, help=f"requests a minute that the token may make in all (default {TOKEN_LIMIT})"
    )
    parser.add_argument(
        "--without",
        type=_feature,
        action="append",
        default=[],
        metavar="FEATURE",
        help="a feature that the workspace's plan lacks; may be given more than once",
    )
    parser.add_argument(
        "--gate-status",
        type=int,
        choices=GATE_STATUSES,
        default=GATE_STATUSES[0],
        help="what an endpoint whose feature is lacking answers",
    )
    parser.add_argument(
        "--quiet-audit", action="store_true", help="let the audit trail tell of nothing that did not happen"
    )
    parser.add_argument(
        "--quiet-syncs", action="store_true", help="list only the warehouse syncs that /_emulator/syncs starts"
    )
    parser.add_argument(
        "--audit-a-day",
        type=_count,
        default=MADE_UP_A_DAY,
        help=f"made-up events of a day, at most, at scale 1 (default {MADE_UP_A_DAY})",
    )
    parser.add_argument(
        "--events-a-day",
        type=_count,
        help="events of a day in the event volume, about at most, by source and kind of event (default 3 billion)",
    )
    parser.add_argument("--latency", type=_latency, default=0.0, help="seconds that every answer takes (default 0)")
    parser.add_argument(
        "--keep", action="store_true", help="keep answers, and do not make again what is asked for again"
    )
    parser.add_argument(
        "--planted",
        action="store_true",
        help="add sources, destinations, plans, users and more with one trouble each; with --scale 0 there is no more",
    )
    return parser


def _no_token(_: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"everyone on this machine can read it here: put it into {TOKEN_VARIABLE}")


def _fault(spec: str) -> Fault:
    try:
        return Fault.parse(spec, (*CATALOGUE, *ACTIONS))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _feature(name: str) -> str:
    try:
        Features(CATALOGUE, (name,))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


def _moment(text: str) -> datetime:
    if moment := parse_time(text):
        return moment
    raise argparse.ArgumentTypeError(f"{text!r} is not a time in ISO 8601")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if seconds <= 0 or not isfinite(seconds):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _latency(text: str) -> float:
    return 0.0 if text in ("0", "0.0") else _seconds(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _port(text: str) -> int:
    return _whole(text, 65535)


def _scale(text: str) -> int:
    return _whole(text, 1000)


def _whole(text: str, largest: int) -> int:
    if not text.isdecimal() or int(text) > largest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {largest}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
