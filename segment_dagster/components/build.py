"""Build the Dagster definitions of one workspace."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import dagster as dg

from segment_dagster.assets import (
    AssetSpecs,
    DestinationResource,
    SegmentResource,
    SegmentTranslator,
    family_assets,
)
from segment_dagster.assets.family import retry_policy
from segment_dagster.assets.pool import pool_of
from segment_dagster.automation.families import CONFIGURATION, HOURLY, Family, families
from segment_dagster.automation.jobs import jobs
from segment_dagster.automation.partitions import partitions_of
from segment_dagster.automation.schedules import schedules as schedules_of
from segment_dagster.automation.sensor import audit_sensor as sensor_of
from segment_dagster.checks import standard_checks
from segment_dagster.components.instance import DEFAULT_NAME, instance_destination, instance_specs
from segment_dagster.components.selection import EndpointSelection
from segment_dagster.config import ApiSettings, DefinitionSettings, DestinationSettings
from segment_dagster.config.definitions import SYNC
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.marts import Changes

NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
"""Form of an instance's name."""

SCHEDULES = (SYNC, "audit", *(family.kind for family in families(TABLES) if family.kind != CONFIGURATION))
"""Names of the schedules."""


class InstanceError(SegmentError):
    """An instance cannot be built.

    Args:
        name: Name of the instance.
        error: Why.
    """

    def __init__(self, name: str, error: SegmentError) -> None:
        super().__init__(f"The Segment workspace {name!r} cannot be loaded: {error}")


def build_segment_defs(
    *,
    name: str = DEFAULT_NAME,
    workspace: SegmentResource | None = None,
    destination: DestinationResource | None = None,
    select: EndpointSelection | None = None,
    translator: SegmentTranslator | None = None,
    history: bool | None = None,
    schedules: Mapping[str, str | None] | Literal["default"] | None = "default",
    audit_sensor: bool = True,
    pool: str | None = None,
    settings: DefinitionSettings | None = None,
) -> dg.Definitions:
    """Return assets, checks, jobs, schedules and the sensor of one workspace.

    Nothing global comes with them, neither an executor nor a resource, so they merge with any other definitions.
    Several instances can be merged, if their names and keys differ. Neither network, nor files or secrets are used.

    Args:
        name: Name of the instance. Ops, jobs, schedules, the sensor and the dlt pipeline begin with it.
        workspace: The workspace; what it leaves out comes from the environment when a run begins.
        destination: Where the tables are loaded; what it leaves out comes from the environment when a run begins.
        select: The endpoints; all by default.
        translator: Decides what the assets look like.
        history: Whether to keep every version of configuration.
        schedules: Cron expressions by schedule: `sync`, `slow`, `audit`, `usage`, `volume`, `delivery`,
            `delivery_metrics`. Those that are not named keep their default; `None` in place of one, or of all, makes
            none.
        audit_sensor: Whether to make the sensor.
        pool: Dagster pool of the ops; by default one for each token, named as its environment variable.
        settings: The other settings of definitions; by default those in the environment.

    Raises:
        SettingError: A setting cannot be used.
        InstanceError: The same, for an instance with a name of its own; the message has the name.

    Example:
        >>> defs = dg.Definitions.merge(
        ...     build_segment_defs(
        ...         name="eu",
        ...         workspace=SegmentResource(token=dg.EnvVar("SEGMENT_EU_TOKEN"), region="eu"),
        ...         destination=DestinationResource(dataset="segment_eu"),
        ...     ),
        ... )
        >>> defs.get_job_def("eu_sync").name
        'eu_sync'
    """
    try:
        return _build(
            name,
            workspace or SegmentResource(),
            destination or DestinationResource(),
            select or EndpointSelection(),
            translator or SegmentTranslator(),
            history,
            schedules,
            audit_sensor,
            pool,
            settings or DefinitionSettings(),
        )
    except SettingError as error:
        if name == DEFAULT_NAME:
            raise
        raise InstanceError(name, error) from None


def _build(
    name: str,
    workspace: SegmentResource,
    destination: DestinationResource,
    select: EndpointSelection,
    translator: SegmentTranslator,
    history: bool | None,
    crons: Mapping[str, str | None] | Literal["default"] | None,
    with_sensor: bool,
    pool: str | None,
    settings: DefinitionSettings,
) -> dg.Definitions:
    check_name(name)
    ApiSettings.check(workspace.given())
    DestinationSettings.check(destination.given())
    _check_destination(destination.shown("type"))
    keeps_history = has_history(history, workspace, settings)
    granularity = workspace.granularity or settings.granularity
    settings = settings.model_copy(update={"history": keeps_history, "granularity": granularity})
    workspace = workspace.with_defaults(history=history)
    destination = instance_destination(name, destination)
    endpoints = select.of(TABLES)
    specs = instance_specs(endpoints, translator, destination, settings)
    # names that are not selected are no error: the setting may be of another instance
    others = {endpoint.name for endpoint in TABLES if endpoint not in endpoints}
    of_name = families(endpoints, [each for each in settings.slow if each not in others], name=name)
    configuration = next((family for family in of_name if family.kind == CONFIGURATION), None)
    derived = [Changes(CATALOGUE)] if settings.history and configuration else []
    for each in derived:
        family_endpoints = configuration.endpoints if configuration else ()
        specs.add(each.name, each.spec(family_endpoints, owners=specs.owners, destination=specs.destination))
    assets = [
        (
            family,
            _fresh(
                family_assets(
                    family.endpoints,
                    standard_checks(settings),
                    specs,
                    name=family.name,
                    pool=pool or pool_of(workspace),
                    resource_key=f"{name}_workspace",
                    workspace=workspace,
                    destination=destination,
                    partitions=partitions_of(family, settings.partitions_start),
                    derived=derived if family is configuration else (),
                    retry_policy=retry_policy(settings),
                ),
                family,
                specs,
            ),
        )
        for family in of_name
    ]
    derived_keys = [specs.key(each.name) for each in derived]
    trail = audit_trail(configuration.endpoints) if configuration else None
    sensors = []
    if with_sensor and configuration and trail:
        sensors.append(
            sensor_of(
                configuration,
                specs,
                derived_keys,
                name=name,
                workspace=workspace,
                destination=destination,
                interval=settings.audit_sensor_seconds,
            )
        )
    daily = configuration.endpoints if configuration else ()
    incremental = [specs.key(each.name) for each in daily if each.incremental]
    return dg.Definitions(
        assets=[made for _, made in assets],
        jobs=jobs(assets, [*incremental, *derived_keys] if incremental else [], name=name),
        schedules=_schedules(of_name, crons, settings, name),
        sensors=sensors,
    )


def check_name(name: str) -> None:
    """Refuse a name that an instance cannot have.

    Raises:
        SettingError: It cannot.
    """
    if not re.fullmatch(NAME, name):
        raise SettingError("name", f"is {name!r}", "Legal values: lower-case letters, digits and single underscores.")


def has_history(given: bool | None, workspace: SegmentResource, settings: DefinitionSettings) -> bool:
    """Return whether an instance keeps every version of configuration.

    Args:
        given: What the instance says; `None` if it says nothing.
        workspace: The workspace, which may say it.
        settings: What counts if neither does.
    """
    return next((each for each in (given, workspace.history) if each is not None), settings.history)


def _check_destination(kind: str | None) -> None:
    if kind in (None, "duckdb"):
        # importing the others' capabilities takes 0.1 s, and Dagster imports the code location in every process
        return
    from segment_dagster.load.capabilities import DESTINATIONS

    if kind not in DESTINATIONS:
        raise SettingError(
            "SEGMENT_DESTINATION", f"is {kind!r}, which is no destination", f"Legal values: {', '.join(DESTINATIONS)}."
        )


def _fresh(assets: dg.AssetsDefinition, family: Family, specs: AssetSpecs) -> dg.AssetsDefinition:
    hourly_keys = {specs.key(endpoint.name) for endpoint in family.endpoints if endpoint.incremental}

    def fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
        policy = HOURLY if spec.key in hourly_keys else family.freshness
        updated: dg.AssetSpec = dg.apply_freshness_policy(spec, policy, overwrite_existing=False)
        return updated

    return assets.map_asset_specs(fresh)


def _schedules(
    of_name: Sequence[Family],
    crons: Mapping[str, str | None] | Literal["default"] | None,
    settings: DefinitionSettings,
    name: str,
) -> list[dg.ScheduleDefinition]:
    if crons is None:
        return []
    given = {} if crons == "default" else crons
    if unknown := [schedule for schedule in given if schedule not in SCHEDULES]:
        raise SettingError("schedules", f"names {unknown[0]!r}", f"Legal values: {', '.join(SCHEDULES)}.")
    without = {schedule for schedule, cron in given.items() if cron is None}
    wanted = {schedule: cron for schedule, cron in given.items() if cron is not None}
    return schedules_of(
        of_name,
        settings.model_copy(update={"crons": {**settings.crons, **wanted}}),
        name=name,
        without=without,
    )
