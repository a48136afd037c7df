"""Build the Dagster definitions of an instance's marts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from segment_dagster.assets import AssetSpecs, DestinationResource, SegmentResource, SegmentTranslator
from segment_dagster.assets.family import retry_policy
from segment_dagster.automation.schedules import ScheduleSpec, no_overlap_schedule
from segment_dagster.components.build import InstanceError, check_name, has_history
from segment_dagster.components.instance import DEFAULT_NAME, instance_destination, instance_specs
from segment_dagster.components.selection import EndpointSelection
from segment_dagster.config import DefinitionSettings, HealthSettings
from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SettingError
from segment_dagster.marts import Changes
from segment_dagster.marts.assets import mart_assets, mart_spec
from segment_dagster.marts.mart import Mart
from segment_dagster.marts.models import MARTS
from segment_dagster.report import report_asset, report_spec
from segment_dagster.report.asset import NAME as REPORT

CRON = "30 7 * * *"
"""When the marts are made by default: after the daily jobs of the tables have begun. In the schedules' time zone."""


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """Where the report is written: one HTML page."""

    path: str | None = None
    """The file; by default `<key>.html` below the storage directory of the Dagster instance."""

    url: str | None = None
    """Where the file is served, if it is: the UI links to it."""


def build_segment_health_defs(
    *,
    name: str = DEFAULT_NAME,
    workspace: SegmentResource | None = None,
    destination: DestinationResource | None = None,
    select: EndpointSelection | None = None,
    translator: SegmentTranslator | None = None,
    history: bool | None = None,
    marts: Sequence[str] | None = None,
    thresholds: HealthSettings | None = None,
    schedule: str | None = "default",
    report: ReportFile | None = ReportFile(),
    settings: DefinitionSettings | None = None,
) -> dg.Definitions:
    """Return the marts of an instance as assets with checks, a job that makes them, and its schedule.

    Give the arguments that its `build_segment_defs` has. Nothing global comes with them. Neither network, nor files or
    secrets are used.

    Args:
        name: Name of the instance. The op, the job and the schedule begin with it.
        workspace: The workspace. No request is made.
        destination: Where its tables are loaded, and the marts as well.
        select: The endpoints that the instance loads. Marts that need others are left out.
        translator: Decides what the assets look like.
        history: Whether the instance keeps every version of configuration.
        marts: Names of marts; all by default.
        thresholds: What counts as healthy, and your plan; by default as the environment says.
        schedule: A cron expression; `None` for no schedule. By default as `SEGMENT_HEALTH_SCHEDULE_CRON` says.
        report: Where the page with all of it is written; `None` for no page.
        settings: The other settings of definitions; by default those in the environment.

    Raises:
        SettingError: A setting cannot be used.
        InstanceError: The same, for an instance with a name of its own; the message has the name.

    Example:
        >>> defs = dg.Definitions.merge(
        ...     build_segment_defs(destination=DestinationResource(dataset="segment_eu")),
        ...     build_segment_health_defs(destination=DestinationResource(dataset="segment_eu")),
        ... )
        >>> defs.get_job_def("segment_health").name
        'segment_health'
    """
    try:
        instance = HealthInstance(
            name=name,
            workspace=workspace or SegmentResource(),
            destination=destination or DestinationResource(),
            select=select or EndpointSelection(),
            translator=translator or SegmentTranslator(),
            history=history,
        )
        return _build(
            instance, marts, thresholds or HealthSettings(), schedule, report, settings or DefinitionSettings()
        )
    except SettingError as error:
        if name == DEFAULT_NAME:
            raise
        raise InstanceError(name, error) from None


def selected_marts(names: Sequence[str] | None, loaded: Sequence[str]) -> list[Mart]:
    """Return the marts of some names that can be made of the tables that an instance loads.

    Args:
        names: Names of marts; all by default.
        loaded: Names of the tables.

    Raises:
        SettingError: There is no mart of a name, or none of those that are named can be made.
    """
    known = {mart.name: mart for mart in MARTS}
    if unknown := [name for name in names or () if name not in known]:
        raise SettingError("marts", f"names {unknown[0]!r}", f"Legal values: {', '.join(known)}.")
    found = []
    for mart in known.values() if names is None else (known[name] for name in dict.fromkeys(names)):
        if not (missing := [table for table in mart.required if table not in loaded]):
            found.append(mart)
        elif names is not None:
            raise SettingError("marts", f"names {mart.name!r}", f"It needs {missing[0]}: select that endpoint as well.")
    return found


@dataclass(frozen=True, kw_only=True)
class HealthInstance:
    """A workspace whose marts are made: what its `build_segment_defs` was given."""

    name: str = DEFAULT_NAME
    workspace: SegmentResource = field(default_factory=SegmentResource)
    destination: DestinationResource = field(default_factory=DestinationResource)
    select: EndpointSelection = field(default_factory=EndpointSelection)
    translator: SegmentTranslator = field(default_factory=SegmentTranslator)
    history: bool | None = None

    def place(self) -> DestinationResource:
        """Return the destination with the name of the instance's dlt pipeline."""
        return instance_destination(self.name, self.destination)

    def marts(self, names: Sequence[str] | None, settings: DefinitionSettings) -> tuple[list[Mart], AssetSpecs]:
        """Return the marts that can be made of the tables, and the specs of all assets, with those of the marts.

        Args:
            names: Names of marts; all by default.
            settings: Owners of the assets, and what is shown of the destination.

        Raises:
            SettingError: A setting cannot be used.
        """
        check_name(self.name)
        endpoints = self.select.of(TABLES)
        specs = instance_specs(endpoints, self.translator, self.place(), settings)
        if has_history(self.history, self.workspace, settings):
            changes = Changes(TABLES)
            specs.add(changes.name, changes.spec((), owners=specs.owners, destination=specs.destination))
        marts = selected_marts(names, [endpoint.name for endpoint in endpoints])
        for mart in marts:
            default = mart_spec(mart, owners=specs.owners, destination=specs.destination, dataset=specs.dataset)
            specs.add(mart.name, default)
        return marts, specs


def _build(
    instance: HealthInstance,
    names: Sequence[str] | None,
    thresholds: HealthSettings,
    cron: str | None,
    report: ReportFile | None,
    settings: DefinitionSettings,
) -> dg.Definitions:
    name = instance.name
    marts, specs = instance.marts(names, settings)
    if not marts:
        return dg.Definitions()
    assets = [
        mart_assets(
            marts,
            specs,
            name=f"{name}_marts",
            workspace=instance.workspace,
            destination=instance.place(),
            settings=thresholds,
            retry_policy=retry_policy(settings),
        )
    ]
    if report:
        specs.add(REPORT, report_spec(owners=specs.owners))
        assets.append(
            report_asset(
                specs,
                name=f"{name}_report",
                workspace=instance.workspace,
                destination=instance.place(),
                settings=thresholds,
                path=report.path,
                url=report.url,
                retry_policy=retry_policy(settings),
            )
        )
    return dg.Definitions(
        assets=assets,
        jobs=[
            health_job(name, assets, "Work out from the loaded tables what is dead, what fails and what it will cost.")
        ],
        schedules=health_schedules(name, cron, settings),
    )


def health_job(name: str, assets: Sequence[dg.AssetsDefinition], description: str) -> Any:
    """Return the job that makes marts, in one process.

    Args:
        name: Name of the instance, or of the union.
        assets: The marts, and what is made of them.
        description: What the job does.
    """
    return dg.define_asset_job(
        f"{name}_health",
        selection=dg.AssetSelection.assets(*assets),
        description=description,
        executor_def=dg.in_process_executor,
    )


def health_schedules(name: str, cron: str | None, settings: DefinitionSettings) -> list[dg.ScheduleDefinition]:
    """Return the schedule of the job that makes marts; none if there is no cron expression.

    Args:
        name: Name of the instance, or of the union.
        cron: The cron expression; `default` for that of the settings.
        settings: The time zone, and the cron expression.

    Raises:
        SettingError: The cron expression is invalid.
    """
    setting = "schedule"
    if cron == "default":
        cron, setting = settings.crons.get("health", CRON), settings.variable("crons", "health")
    if cron is None:
        return []
    spec = ScheduleSpec(
        name=f"{name}_health_daily",
        job=f"{name}_health",
        key=None,
        group="health",
        cron=cron,
        timezone=settings.schedule_timezone,
        description="Once a day, after the tables have been loaded.",
    )
    return [no_overlap_schedule(spec, setting)]
