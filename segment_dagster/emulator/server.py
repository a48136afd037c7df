"""Runs the emulator on a port of this machine."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread
from typing import Any

import uvicorn

from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.app import Components, build_app
from segment_dagster.emulator.clock import Clock, to_utc
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.faults import Fault, Faults
from segment_dagster.emulator.features import Features
from segment_dagster.emulator.hooks import Hooks
from segment_dagster.emulator.latency import Latency
from segment_dagster.emulator.layouts import CURSOR_PLACES
from segment_dagster.emulator.limits import MINUTE, Limits
from segment_dagster.emulator.stats import Stats
from segment_dagster.emulator.transport import recording_protocol
from segment_dagster.emulator.world import TIMED, TRAIL, World
from segment_dagster.emulator.world.audit import MADE_UP_A_DAY, trail_of
from segment_dagster.endpoints import CATALOGUE, Endpoint

HOST = "127.0.0.1"
DEFAULT_TOKEN = "demo-token"  # noqa: S105


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    url: str
    """Its address, without a slash at the end."""

    token: str
    world: World
    faults: Faults
    stats: Stats
    limits: Limits
    features: Features
    clock: Clock
    edits: Edits
    corrections: Corrections
    latency: Latency
    hooks: Hooks

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """The records that the API lists right now.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: What the list is asked with; all lists together where it is left out: see `World.records`.

        Returns:
            The records. They are not to be changed.

        Raises:
            KeyError: There is no such endpoint or list, or it is asked for a time.
        """
        return self.edits.view(self.clock.now()).records(endpoint, values)

    def audit_events(self, start: datetime | None = None, end: datetime | None = None) -> list[dict[str, Any]]:
        """The events of the audit trail right now, the most recent first.

        Args:
            start: The time of the first one, in UTC where it names no zone; as far back as the trail goes by default.
            end: The time before which the last one is; the present by default.
        """
        now = self.clock.now()
        query = {name: (to_utc(at).isoformat(),) for name, at in (("startTime", start), ("endTime", end)) if at}
        return self.edits.view(now).timed(TRAIL, {}, query, now)


@contextmanager
def running(
    scale: int = 1,
    seed: int = 7,
    token: str = DEFAULT_TOKEN,
    *,
    port: int = 0,
    faults: Iterable[Fault] = (),
    cursor_place: str = CURSOR_PLACES[0],
    world: World | None = None,
    catalogue: Iterable[Endpoint] = CATALOGUE,
    now: datetime | None = None,
    limits: bool = False,
    minute: float = MINUTE,
    token_limit: int | None = None,
    without: Iterable[str] = (),
    gate_status: int = 403,
    quiet_audit: bool = False,
    audit_a_day: int = MADE_UP_A_DAY,
    latency: float = 0.0,
    keep: bool = False,
) -> Iterator[Emulator]:
    """Run the emulator in a thread for as long as the block runs.

    Args:
        scale: Size of the workspace, 1 for 2,400 audiences.
        seed: Which workspace it is.
        token: The token that is let in.
        port: The port, 0 for a free one.
        faults: The faults in force from the start.
        cursor_place: Where the versioned layout has the next page's cursor: one of `CURSOR_PLACES`.
        world: A workspace that is there already, in the place of `scale`, `seed`, `catalogue` and `audit_a_day`.
        catalogue: The rows of the endpoints, each after its parent.
        now: What time it is all the while; the real time by default.
        limits: Whether a request beyond a rate limit is refused.
        minute: Seconds of the minute that the limits are for.
        token_limit: Requests a minute that the token may make in all; 1000 by default.
        without: Features that the workspace's plan lacks, so that their endpoints are refused.
        gate_status: What a request that needs one of them is answered with: 403 or 404.
        quiet_audit: Whether the audit trail tells of edits alone. Otherwise events are made up that change nothing.
        audit_a_day: Events that are made up for a day, at most, at scale 1; half as many as a rule.
        latency: Seconds between a request and its answer.
        keep: Whether answers are kept, so that what is asked for again is not made again: for benchmarks.

    Yields:
        The emulator, which listens.

    Raises:
        OSError: The port is taken.
        ValueError: There is no such cursor place, feature or status, or a fault, limit or latency is not possible.
    """
    if cursor_place not in CURSOR_PLACES:
        raise ValueError(f"unknown cursor place {cursor_place!r}; the places are {', '.join(CURSOR_PLACES)}")
    with _listen(port) as listening:
        timed = {**TIMED, TRAIL: trail_of(audit_a_day)}
        facts = world or World(scale, seed, catalogue=catalogue, timed=timed)
        clock = Clock(now)
        components = Components(
            world=facts,
            token=token,
            faults=Faults(faults, facts.catalogue),
            stats=Stats(),
            limits=Limits(enforced=limits, minute=minute, token_limit=token_limit),
            features=Features(facts.catalogue, without, gate_status),
            clock=clock,
            edits=Edits(facts, clock, quiet_audit=quiet_audit),
            corrections=Corrections(facts, clock),
            latency=Latency(latency),
            hooks=Hooks(),
            transports={},
            cursor_place=cursor_place,
            keep=keep,
        )
        config = uvicorn.Config(
            build_app(components),
            http=recording_protocol(components.transports),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="segment-emulator", daemon=True)
        thread.start()
        server.ready.wait()
        try:
            yield Emulator(
                url=f"http://{HOST}:{listening.getsockname()[1]}",
                token=token,
                world=facts,
                faults=components.faults,
                stats=components.stats,
                limits=components.limits,
                features=components.features,
                clock=components.clock,
                edits=components.edits,
                corrections=components.corrections,
                latency=components.latency,
                hooks=components.hooks,
            )
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only where the protocol is named: without it, small answers come 40 ms late.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening
