"""The component of an instance's marts."""

from collections.abc import Sequence
from typing import Any, Literal

import dagster as dg
from pydantic import Field, model_validator

from segment_dagster.alerts import Monitored, WeeklyDigest, build_segment_alert_sensor
from segment_dagster.alerts.digest import WEEKDAYS
from segment_dagster.components.build import NAME
from segment_dagster.components.build_health import HealthInstance, ReportFile, build_segment_health_defs
from segment_dagster.components.build_union import build_segment_union_defs
from segment_dagster.components.described import DescribedModel
from segment_dagster.components.workspace import DestinationAttributes, SegmentWorkspaceComponent
from segment_dagster.config import HealthSettings
from segment_dagster.config.attributes import CRON_FORM, names_schema, optional_field, tell_inner_errors, text_schema
from segment_dagster.errors import SegmentError
from segment_dagster.marts.models import MARTS


class ThresholdsAttributes(DescribedModel, dg.Resolvable):
    """What counts as healthy. What is left out comes from the environment, or has a default."""

    quiet_days: int | None = optional_field("quiet_days", HealthSettings)
    dead_days: int | None = optional_field("dead_days", HealthSettings)
    success_rate: float | None = optional_field("success_rate", HealthSettings)
    least_events: int | None = optional_field("least_events", HealthSettings)
    disabled_days: int | None = optional_field("disabled_days", HealthSettings)
    inactive_days: int | None = optional_field("inactive_days", HealthSettings)
    violation_reasons: Sequence[str] | None = optional_field("violation_reasons", HealthSettings)


class PlanAttributes(DescribedModel, dg.Resolvable):
    """Your plan, which the API does not tell."""

    mtu: int | None = optional_field("mtu_plan", HealthSettings)
    api_calls: int | None = optional_field("api_calls_plan", HealthSettings)


class ReportAttributes(DescribedModel, dg.Resolvable):
    """The page that shows what the marts say: one HTML file."""

    path: str | None = Field(
        default=None, description="The file; by default below the storage directory of the Dagster instance."
    )
    url: str | None = Field(default=None, description="Where the file is served, if it is: the UI links to it.")


class DigestAttributes(DescribedModel, dg.Resolvable):
    """When the weekly digest is sent, in UTC."""

    weekday: str = Field(default=WEEKDAYS[0], description=f"The day: {', '.join(WEEKDAYS)}.")
    hour: int = Field(default=8, ge=0, le=23, description="The hour.")


class AlertsAttributes(DescribedModel, dg.Resolvable):
    """Messages to people: one when something is wrong, one when it is over."""

    channels: Sequence[str] = Field(
        description="Environment variables that each hold an address of apprise's; read when a message is sent."
    )
    min_severity: Literal["warn", "error"] = Field(
        default="warn", description="Checks that fail with a lower severity are not told."
    )
    digest: DigestAttributes | None = Field(
        default_factory=DigestAttributes, description="When the weekly digest is sent; null for none."
    )
    interval_seconds: int = Field(default=60, ge=1, description="Least seconds between two ticks of the sensor.")

    def sensor(self, name: str, monitored: Monitored) -> dg.SensorDefinition:
        """Return the sensor of an instance.

        Args:
            name: Name of the instance.
            monitored: What it watches.
        """
        return build_segment_alert_sensor(
            monitored,
            name=name,
            channels=self.channels,
            min_severity=dg.AssetCheckSeverity[self.min_severity.upper()],
            digest=WeeklyDigest(self.digest.weekday, self.digest.hour) if self.digest else None,
            interval_seconds=self.interval_seconds,
        )


class UnionAttributes(DescribedModel, dg.Resolvable):
    """The marts of several workspaces in one table each, with a column that names the workspace."""

    workspaces: Sequence[str] = Field(description="Names of the workspace components.")
    destination: DestinationAttributes = Field(
        description="Where the tables are loaded: a dataset that none of the workspaces has.",
        json_schema_extra=tell_inner_errors,
    )
    key_prefix: str = Field(
        default="segment_all",
        json_schema_extra=text_schema(NAME),
        description="First part of the assets' keys. The op, the job and the schedule begin with it.",
    )


class SegmentHealthScaffolder(dg.Scaffolder[Any]):
    """Write a `defs.yaml` that works beside the one workspace component of a project."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the file."""
        dg.scaffold_component(request, {"thresholds": {"quiet_days": 2, "dead_days": 14}})


@dg.scaffold_with(SegmentHealthScaffolder)
class SegmentHealthComponent(dg.Component, DescribedModel, dg.Resolvable):
    """Work out from the tables of a workspace what is dead, what fails, what it will cost, and who may do what."""

    workspace: str | None = Field(
        default=None,
        description="Name of the workspace component whose tables are read; may be left out if there is one alone.",
    )
    marts: Sequence[str] | None = Field(
        default=None,
        description="Names of marts; all by default that the selected endpoints allow.",
        json_schema_extra=names_schema([mart.name for mart in MARTS]),
    )
    thresholds: ThresholdsAttributes = Field(
        default_factory=ThresholdsAttributes,
        description="What counts as healthy.",
        json_schema_extra=tell_inner_errors,
    )
    plan: PlanAttributes = Field(
        default_factory=PlanAttributes,
        description="Your plan, which the API does not tell.",
        json_schema_extra=tell_inner_errors,
    )
    schedule: str | None = Field(
        default="default",
        json_schema_extra=text_schema(f"default|{CRON_FORM}"),
        description="When the marts are made, as a cron expression; every day at 7:30 by default, not at all by null.",
    )

    report: ReportAttributes | None = Field(
        default_factory=ReportAttributes,
        description="The page that shows what the marts say; null for none.",
    )
    alerts: AlertsAttributes | None = Field(
        default=None,
        description="Tell people of failed checks, failed runs and lost partitions of the workspace and its marts.",
    )
    union: UnionAttributes | None = Field(
        default=None,
        description="Make one table of each mart of several workspaces, in place of the marts of one.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the marts, their job and its schedule."""
        if self.union:
            return build_segment_union_defs(
                [_instance_of(_workspace(context, name)) for name in self.union.workspaces],
                destination=self.union.destination.resource(),
                key_prefix=self.union.key_prefix,
                marts=self.marts,
                schedule=self.schedule,
            )
        component = _workspace(context, self.workspace)
        instance = _instance_of(component)
        thresholds = self.thresholds.model_dump(exclude_none=True)
        plan = {f"{name}_plan": value for name, value in self.plan.model_dump(exclude_none=True).items()}
        health = build_segment_health_defs(
            name=instance.name,
            workspace=instance.workspace,
            destination=instance.destination,
            select=instance.select,
            translator=instance.translator,
            history=instance.history,
            marts=self.marts,
            thresholds=HealthSettings(**thresholds, **plan),
            schedule=self.schedule,
            report=ReportFile(path=self.report.path, url=self.report.url) if self.report else None,
        )
        if self.alerts is None:
            return health
        monitored = Monitored.in_definitions(component.build_defs(context), health)
        return dg.Definitions.merge(health, dg.Definitions(sensors=[self.alerts.sensor(instance.name, monitored)]))

    @model_validator(mode="after")
    def _check_union(self) -> "SegmentHealthComponent":
        unset = {
            "workspace": None,
            "alerts": None,
            # those of the workspaces' own components count
            "thresholds": ThresholdsAttributes(),
            "plan": PlanAttributes(),
        }
        for attribute, value in unset.items():
            if self.union and getattr(self, attribute) != value:
                raise ValueError(f"{attribute} and union are both set: set one of them")
        return self


def _workspace(context: dg.ComponentLoadContext, name: str | None) -> SegmentWorkspaceComponent:
    components = context.component_tree.get_all_components(of_type=SegmentWorkspaceComponent)
    found = [each for each in components if name in (None, each.name)]
    if len(found) != 1:
        raise HealthError(name, sorted(each.name for each in components))
    return found[0]


def _instance_of(component: SegmentWorkspaceComponent) -> HealthInstance:
    return HealthInstance(
        name=component.name,
        workspace=component.workspace.resource(),
        destination=component.destination.resource(),
        select=component.select.selection(),
        translator=component.translator(),
        history=component.history,
    )


class HealthError(SegmentError):
    """The workspace whose tables are to be read is not known.

    Args:
        name: The name that was given, if one was.
        names: Names of the workspace components.
    """

    def __init__(self, name: str | None, names: Sequence[str]) -> None:
        problem = f"is {name!r}" if name else "is not set"
        listed = ", ".join(names) or "none: add a SegmentWorkspaceComponent"
        super().__init__(f"SegmentHealthComponent: workspace {problem}. Workspace components of the project: {listed}.")
