"""The sensor that tells people of problems, once, and once when they are over."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import dagster as dg

from segment_dagster.alerts.changes import Findings
from segment_dagster.alerts.channel import channels_of
from segment_dagster.alerts.delivery import Delivery
from segment_dagster.alerts.digest import WeeklyDigest
from segment_dagster.alerts.monitored import Monitored
from segment_dagster.alerts.state import read_state, write_state
from segment_dagster.config.clock import utc_now
from segment_dagster.errors import SegmentError
from segment_dagster.text import pluralize


class AlertError(SegmentError):
    """No channel took what was to be told.

    Args:
        failures: The failure of each channel.
    """

    def __init__(self, failures: Sequence[SegmentError]) -> None:
        super().__init__(" ".join(dict.fromkeys(map(str, failures))))


def build_segment_alert_sensor(
    monitored: Monitored,
    *,
    channels: Sequence[str],
    name: str = "segment",
    min_severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    digest: WeeklyDigest | None = WeeklyDigest(),  # noqa: B008 - frozen
    interval_seconds: int = 60,
    clock: Callable[[], datetime] = utc_now,
) -> dg.SensorDefinition:
    """Return a sensor that sends a message when the set of problems changes. It is off until it is turned on.

    A check that fails is told once, again when it finds others than before, and once when it passes. Every failed run
    of a job is told, and once that the job succeeds again. Partitions that were lost for good are told once.

    A message that a channel does not take is sent again by the next tick, with what has changed meanwhile. A tick that
    is killed between sending and storing its cursor sends its message twice.

    Args:
        monitored: The checks, assets and jobs.
        channels: Environment variables, each with an address of apprise's; they are read in the tick.
        name: The sensor is called `<name>_alert_sensor`, and messages begin with the name.
        min_severity: Checks that fail with a lower severity are not told.
        digest: When to send what is open and what has changed, also if that is nothing; `None` sends no digest.
        interval_seconds: Least seconds between two ticks.
        clock: Returns the current time, in UTC.

    Raises:
        SettingError: The channels cannot be used.

    Example:
        >>> defs = dg.Definitions()
        >>> sensor = build_segment_alert_sensor(Monitored.in_definitions(defs), channels=["ALERTS_CHAT"])
        >>> sensor.name
        'segment_alert_sensor'
    """
    targets = channels_of(channels)

    @dg.sensor(
        name=f"{name}_alert_sensor",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Tells people once of failed checks, failed runs and lost partitions, and once when they are over.",
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Tell each channel what has changed since it was told last."""
        now, states = clock(), read_state(context.cursor)
        known = [states[each.variable] for each in targets if each.variable in states]
        found = Findings(context.instance, monitored, min_severity, known, with_new=len(known) < len(targets))
        due = [Delivery(each, states.get(each.variable), name, found, digest, now) for each in targets]
        # at once: Dagster ends a tick after 60 s, and each channel may take 8 s to be found away
        with ThreadPoolExecutor(len(due)) as pool:
            list(pool.map(Delivery.send, due))
        failures = [each.failure for each in due if each.failure]
        for failure in failures:
            context.log.error(str(failure))
        told = {each.channel.variable: each.state for each in due if each.state}
        if failures and all(states.get(variable) == state for variable, state in told.items()):
            raise AlertError(failures)
        sent = sum(each.sent for each in due)
        said = f"Sent {pluralize(sent, 'message')}." if sent else "Nothing to tell."
        return dg.SensorResult(skip_reason=" ".join([said, *map(str, failures)]), cursor=write_state(told))

    return tell
