"""Messages to people: once per problem, and once when it is over."""

from segment_dagster.alerts.digest import WeeklyDigest
from segment_dagster.alerts.monitored import Monitored
from segment_dagster.alerts.sensor import build_segment_alert_sensor

__all__ = ["Monitored", "WeeklyDigest", "build_segment_alert_sensor"]
