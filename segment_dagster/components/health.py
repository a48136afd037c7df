"""The component of an instance's marts."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from segment_dagster.components.build_health import build_segment_health_defs
from segment_dagster.components.workspace import SegmentWorkspaceComponent
from segment_dagster.config import HealthSettings
from segment_dagster.config.attributes import names_schema, optional_field, tell_inner_errors
from segment_dagster.errors import SegmentError
from segment_dagster.marts.models import MARTS


class ThresholdsAttributes(dg.Model, dg.Resolvable):
    """What counts as healthy. What is left out comes from the environment, or has a default."""

    quiet_days: int | None = optional_field("quiet_days", HealthSettings)
    dead_days: int | None = optional_field("dead_days", HealthSettings)
    success_rate: float | None = optional_field("success_rate", HealthSettings)
    least_events: int | None = optional_field("least_events", HealthSettings)
    disabled_days: int | None = optional_field("disabled_days", HealthSettings)
    inactive_days: int | None = optional_field("inactive_days", HealthSettings)
    violation_reasons: Sequence[str] | None = optional_field("violation_reasons", HealthSettings)


class PlanAttributes(dg.Model, dg.Resolvable):
    """Your plan, which the API does not tell."""

    mtu: int | None = optional_field("mtu_plan", HealthSettings)
    api_calls: int | None = optional_field("api_calls_plan", HealthSettings)


class SegmentHealthScaffolder(dg.Scaffolder[Any]):
    """Write a `defs.yaml` that works beside the one workspace component of a project."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the file."""
        dg.scaffold_component(request, {"thresholds": {"quiet_days": 2, "dead_days": 14}})


@dg.scaffold_with(SegmentHealthScaffolder)
class SegmentHealthComponent(dg.Component, dg.Model, dg.Resolvable):
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
        description="When the marts are made, as a cron expression; by default every day at 7:30, with null not at all.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the marts, their job and its schedule."""
        instance = self._instance(context)
        thresholds = self.thresholds.model_dump(exclude_none=True)
        plan = {f"{name}_plan": value for name, value in self.plan.model_dump(exclude_none=True).items()}
        return build_segment_health_defs(
            name=instance.name,
            workspace=instance.workspace.resource(),
            destination=instance.destination.resource(),
            select=instance.select.selection(),
            translator=instance.translator(),
            history=instance.history,
            marts=self.marts,
            thresholds=HealthSettings(**thresholds, **plan),
            schedule=self.schedule,
        )

    def _instance(self, context: dg.ComponentLoadContext) -> SegmentWorkspaceComponent:
        components = context.component_tree.get_all_components(of_type=SegmentWorkspaceComponent)
        found = [each for each in components if self.workspace in (None, each.name)]
        if len(found) != 1:
            raise HealthError(self.workspace, sorted(each.name for each in components))
        return found[0]


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
