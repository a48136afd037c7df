"""What has changed since a channel was told last."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum

import dagster as dg

from segment_dagster.alerts.monitored import Monitored
from segment_dagster.alerts.problems import (
    OVERLAP,
    EndedRun,
    FailedCheck,
    error_of,
    evaluated_checks,
    latest_runs,
    lost_partitions,
    runs_since,
)
from segment_dagster.alerts.state import ChannelState, OpenCheck, OpenJob

MAX_ERRORS = 20
"""Failed runs whose errors a tick looks up: no message has room for more."""


class Kind(str, Enum):
    """What has become of a problem."""

    NEW = "new"
    CHANGED = "changed"
    RUN_FAILED = "run failed"
    LOST = "lost"
    OVER = "over"


@dataclass(frozen=True)
class Change:
    """Something to tell."""

    kind: Kind
    name: str
    """Names the check, the run or the asset, in words of ours and of the definitions."""

    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN
    detail: str = ""
    """What the check or the error says: foreign text."""


class Findings:
    """What is wrong now, looked up once for all channels.

    Args:
        instance: The instance.
        monitored: What is monitored.
        least: Checks that fail with a lower severity pass.
        states: What the channels were told; those that are new are absent.
        with_new: Whether a channel is new.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        monitored: Monitored,
        least: dg.AssetCheckSeverity,
        states: Sequence[ChannelState],
        *,
        with_new: bool,
    ) -> None:
        self._instance = instance
        self._errors: dict[str, str] = {}
        self.checks: Mapping[str, FailedCheck | None] = {
            name_of(key): found for key, found in evaluated_checks(instance, monitored.checks, least).items()
        }
        self.monitored_checks = frozenset(map(name_of, monitored.checks))
        self.monitored_jobs = frozenset(monitored.jobs)
        self.lost = {
            key.to_user_string(): ranges for key, ranges in lost_partitions(instance, monitored.assets).items()
        }
        self.latest_runs = latest_runs(instance, monitored.jobs) if with_new else []
        known = [state.runs_until for state in states]
        if self.latest_runs:
            known.append(self.latest_runs[-1].end)
        self.runs: Sequence[EndedRun] = runs_since(instance, monitored.jobs, min(known, default=0.0))

    def error(self, run_id: str) -> str:
        """Return the first line of a run's error; empty after `MAX_ERRORS` runs."""
        if run_id not in self._errors and len(self._errors) < MAX_ERRORS:
            self._errors[run_id] = error_of(self._instance, run_id)
        return self._errors.get(run_id, "")


def name_of(key: dg.AssetCheckKey) -> str:
    """Return the name of a check in messages and in the cursor."""
    return f"{key.name} of {key.asset_key.to_user_string()}"


def changes_since(before: ChannelState | None, found: Findings, now: float) -> tuple[list[Change], ChannelState]:
    """Return what is to be told, errors first, and the state once it was told.

    Args:
        before: What the channel was told; `None` if it is new: then all that is wrong is told.
        found: What is wrong now.
        now: The current time, in seconds since 1970.
    """
    after = deepcopy(before) if before else ChannelState(digest=now)
    changes = [
        *_of_checks(after, found, now),
        *_of_runs(after, found, now, is_new=before is None),
        *_of_partitions(after, found.lost),
    ]
    for change in changes:
        after.remember(change.kind.value, change.name)
    return sorted(changes, key=_order), after


def _order(change: Change) -> tuple[bool, bool]:
    return change.kind is Kind.OVER, change.severity is not dg.AssetCheckSeverity.ERROR


def _of_checks(state: ChannelState, found: Findings, now: float) -> Iterator[Change]:
    for name in [each for each in state.checks if each not in found.monitored_checks]:
        del state.checks[name]
    for name, failed in found.checks.items():
        told = state.checks.get(name)
        if failed is None:
            if told:
                del state.checks[name]
                yield Change(Kind.OVER, name)
        elif told is None or told.fingerprint != failed.fingerprint:
            state.checks[name] = OpenCheck(failed.fingerprint, told.since if told else now)
            yield Change(Kind.CHANGED if told else Kind.NEW, name, failed.severity, failed.description)


def _of_runs(state: ChannelState, found: Findings, now: float, *, is_new: bool) -> Iterator[Change]:
    for job in [each for each in state.jobs if each not in found.monitored_jobs]:
        del state.jobs[job]
    yield from _tell_runs(state, _untold(state, found, is_new=is_new), found.error, now)
    ends = [run.end for run in (found.latest_runs if is_new else found.runs)]
    # an end in the future, by a wrong clock, is not to hide the runs until then
    state.runs_until = max(state.runs_until, min(max(ends, default=0.0), now))
    reread_from = state.runs_until - OVERLAP.total_seconds()
    state.runs_seen = sorted(run.id for run in found.runs if run.end >= reread_from)


def _untold(state: ChannelState, found: Findings, *, is_new: bool) -> Sequence[EndedRun]:
    if is_new:
        return found.latest_runs
    seen, reread_from = set(state.runs_seen), state.runs_until - OVERLAP.total_seconds()
    return [run for run in found.runs if run.end >= reread_from and run.id not in seen]


def _tell_runs(
    state: ChannelState, runs: Sequence[EndedRun], error: Callable[[str], str], now: float
) -> Iterator[Change]:
    for run in runs:
        told = state.jobs.get(run.job)
        if run.failed:
            state.jobs[run.job] = OpenJob(run.id, run.end, told.since if told else now)
            name = f"{run.id[:8]} of {run.job}"
            yield Change(Kind.RUN_FAILED, name, dg.AssetCheckSeverity.ERROR, error(run.id))
        elif told and run.end > told.end:
            del state.jobs[run.job]
            yield Change(Kind.OVER, run.job)


def _of_partitions(state: ChannelState, lost: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    for asset, ranges in lost.items():
        new = [each for each in ranges if each not in state.lost.get(asset, ())]
        if ranges:
            state.lost[asset] = list(ranges)
        else:
            state.lost.pop(asset, None)
        if new:
            yield Change(Kind.LOST, asset, detail=", ".join(new))
