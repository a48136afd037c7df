"""Runs the emulator on a local port."""

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
from segment_dagster.emulator.planted import history, numbers, planted_makers, planted_timed
from segment_dagster.emulator.reverse_syncs import ReverseSyncs
from segment_dagster.emulator.stats import Stats
from segment_dagster.emulator.syncs import Syncs
from segment_dagster.emulator.transport import recording_protocol
from segment_dagster.emulator.world import MAKERS, TIMED, TRAIL, World
from segment_dagster.emulator.world.audit import MADE_UP_A_DAY, audit_maker
from segment_dagster.emulator.world.volume import VOLUME, volume_maker
from segment_dagster.endpoints import CATALOGUE, Endpoint
from segment_dagster.endpoints.reverse_etl_actions import ACTIONS

HOST = "127.0.0.1"
DEFAULT_TOKEN = "demo-token"  # noqa: S105


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    url: str
    """Its base URL, without a trailing slash."""

    token: str
    world: World
    faults: Faults
    stats: Stats
    limits: Limits
    features: Features
    clock: Clock
    edits: Edits
    syncs: Syncs
    corrections: Corrections
    latency: Latency
    hooks: Hooks

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """Return the records that the API lists right now.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: The parameters of the list. All lists together if omitted: see `World.records`.

        Returns:
            The records. Do not modify them.

        Raises:
            KeyError: The endpoint or list does not exist, or it is time-dependent.
        """
        return self.syncs.view(self.clock.now()).records(endpoint, values)

    def timed(
        self, endpoint: str, query: Mapping[str, tuple[str, ...]], values: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Return the records of a time-dependent list right now.

        Args:
            endpoint: The endpoint's name in the catalogue.
            query: All query parameters, each with all its values. They are not checked.
            values: The parameters of the list, without the time.

        Raises:
            KeyError: The endpoint or list does not exist, or it is not time-dependent.
        """
        now = self.clock.now()
        row = self.edits.view(now).row(endpoint)
        return self.syncs.view(now).timed(endpoint, values or {}, query, now, self.corrections.numbers(row, now))

    def audit_events(self, start: datetime | None = None, end: datetime | None = None) -> list[dict[str, Any]]:
        """Return the events of the audit trail right now, newest first.

        Args:
            start: Start of the range, included; in UTC if it has no zone. Defaults to the start of the trail.
            end: End of the range, excluded. Defaults to the current time.
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
    quiet_syncs: bool = False,
    audit_a_day: int = MADE_UP_A_DAY,
    events_a_day: int | None = None,
    latency: float = 0.0,
    keep: bool = False,
    planted: bool = False,
) -> Iterator[Emulator]:
    """Run the emulator in a thread while the block runs.

    Args:
        scale: Size of the workspace. 1 has 2,400 audiences.
        seed: Seed of the workspace.
        token: The accepted token.
        port: The port, 0 for a free one.
        faults: The initial faults.
        cursor_place: Where the versioned layout puts the cursor of the next page: one of `CURSOR_PLACES`.
        world: An existing workspace. Replaces `scale`, `seed`, `catalogue`, `audit_a_day` and
            `events_a_day`.
        catalogue: The endpoints, each after its parent.
        now: A frozen time. Defaults to the real time.
        limits: Whether to refuse requests above a rate limit.
        minute: Length of the limits' minute in seconds.
        token_limit: Requests per minute for the token. Defaults to 1000.
        without: Features that the workspace's plan lacks. Their endpoints are refused.
        gate_status: Status of those refusals: 403 or 404.
        quiet_audit: Whether the audit trail holds only edits. Otherwise it also has made-up events.
        quiet_syncs: Whether the warehouse syncs are only those of `Emulator.syncs`. Otherwise also made-up ones.
        audit_a_day: Maximum number of made-up events per day at scale 1. The average is half of it.
        events_a_day: Approximate maximum of the event volume per day, source and kind of event. Defaults to 3 billion.
        latency: Seconds between request and response.
        keep: Whether to cache response bodies, for benchmarks.
        planted: Whether to add the planted cases to the workspace: see `segment_dagster.emulator.planted`. With scale 0
            there is nothing else. Their days are counted back from the day on which the emulator starts.

    Yields:
        The emulator, which listens.

    Raises:
        OSError: The port is taken.
        ValueError: The cursor place, feature or status is unknown, a fault, limit or latency is invalid, or the cases
            are to be planted in an existing workspace.
    """
    if planted and world:
        raise ValueError("planted cases need a workspace of their own: give scale and seed instead of world")
    if cursor_place not in CURSOR_PLACES:
        raise ValueError(f"unknown cursor place {cursor_place!r}; the places are {', '.join(CURSOR_PLACES)}")
    with _listen(port) as listening:
        timed = {**TIMED, TRAIL: audit_maker(audit_a_day), VOLUME: volume_maker(events_a_day)}
        makers = planted_makers(MAKERS) if planted else MAKERS
        timed = planted_timed(timed) if planted else timed
        workspace = world or World(scale, seed, catalogue=catalogue, makers=makers, timed=timed)
        clock = Clock(now)
        edits = Edits(workspace, clock, quiet_audit=quiet_audit)
        corrections = Corrections(workspace, clock, edits)
        if planted:
            today = clock.now().date()
            edits.add(*history(today))
            corrections.add(*numbers(today))
        components = Components(
            world=workspace,
            token=token,
            faults=Faults(faults, (*workspace.catalogue, *ACTIONS)),
            stats=Stats(),
            limits=Limits(enforced=limits, minute=minute, token_limit=token_limit),
            features=Features(workspace.catalogue, without, gate_status),
            clock=clock,
            edits=edits,
            syncs=Syncs(edits, clock, ReverseSyncs(edits, clock, workspace.seed), quiet=quiet_syncs),
            corrections=corrections,
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
                world=workspace,
                faults=components.faults,
                stats=components.stats,
                limits=components.limits,
                features=components.features,
                clock=components.clock,
                edits=components.edits,
                syncs=components.syncs,
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
    # asyncio disables Nagle's delay only if the protocol is given. Otherwise small responses come 40 ms late.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening
