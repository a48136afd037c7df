"""The report as an asset: one HTML file, made anew from the marts."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from segment_dagster.assets import DestinationResource, SegmentResource
from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.translator import AssetSpecs
from segment_dagster.config import HealthSettings, Preview
from segment_dagster.errors import SegmentError
from segment_dagster.marts.assets import GROUP
from segment_dagster.redaction.masks import mask
from segment_dagster.report.queries import MARTS, RAW

NAME = "report"
"""Last part of the asset's key."""

MAX_ROWS = 300
"""Most rows of a table in the file: at 400 sources it has 1.3 MB."""

FILE, URL, AS_OF, ATTENTION, NOT_LOADED = (
    f"segment/{what}" for what in ("report", "report_url", "data_as_of", "needs_attention", "not_loaded")
)
"""Metadata: the file, its address where it is served, the last day that counts, how many things need attention, and
the assets without which parts are missing."""

DESCRIPTION = """\
The health of the workspace on one page: what needs attention, what is connected to what, events by day, failures with
reasons, usage and its forecast, tracking plans, access, what is unused, and changes by week.

One HTML file that loads nothing from elsewhere, readable by its owner alone. It shows the figures of the marts, as
`make notebook` does. People are masked, unless the preview is `on`."""


class NothingLoadedError(SegmentError):
    """No mart is in the dataset.

    Args:
        key: Key of the report's asset.
        mart: Key of the asset that is to be materialized first.
        dataset: The dataset.
    """

    def __init__(self, key: dg.AssetKey, mart: str, dataset: str) -> None:
        super().__init__(
            f"{key.to_user_string()}: the dataset {dataset} has none of the tables that it shows. "
            f"Materialize {mart} first."
        )


def report_spec(*, owners: Sequence[str] = ()) -> dg.AssetSpec:
    """Return the spec of the report's asset, before it is translated. Its dependencies have default keys.

    Args:
        owners: Owners of the asset.
    """
    return dg.AssetSpec(
        key=asset_key(NAME),
        deps=[asset_key(table) for table in (*MARTS, *RAW)],
        description=DESCRIPTION,
        group_name=GROUP,
        kinds={"segment", "html"},
        owners=list(owners),
    )


def report_asset(
    specs: AssetSpecs,
    *,
    name: str,
    workspace: SegmentResource,
    destination: DestinationResource,
    settings: HealthSettings,
    path: str | Path | None = None,
    url: str | None = None,
    preview: Preview | None = None,
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.AssetsDefinition:
    """Return the asset of the report.

    Args:
        specs: The assets of the instance, with that of the report: `specs.add("report", report_spec())`.
        name: Name of the op.
        workspace: Says what time it is and whether people are masked. No request is made.
        destination: The dataset of the instance.
        settings: Thresholds and plan of the marts.
        path: The file; by default `<key>.html` below the storage directory of the Dagster instance.
        url: Where that file is served, if it is: the UI links to it.
        preview: `on` shows people, every other value masks them; by default the workspace's.
        retry_policy: How often the op is tried again after an error that may pass.
    """
    key = specs.key(NAME)

    @dg.multi_asset(name=name, specs=[specs.spec(NAME)], retry_policy=retry_policy)
    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        """Make the page from the marts, and write it."""
        # imported here, because it takes long
        from segment_dagster.assets.executor import check_executor
        from segment_dagster.load import inspect_dataset, resolve_destination
        from segment_dagster.report.build import build_report
        from segment_dagster.report.html import page
        from segment_dagster.report.read import read_tables, without_people
        from segment_dagster.report.write import write_report

        def key_of(table: str) -> str:
            return (specs.key(table) if table in specs else asset_key(table)).to_user_string()

        file = _file(path, key, context.instance.storage_directory())
        try:
            api, where = workspace.settings(), resolve_destination(destination.settings())
            check_executor(context, where)
            with inspect_dataset(where) as dataset:
                tables = read_tables(dataset, api.now, settings)
            if not set(MARTS) & set(tables):
                raise NothingLoadedError(key, key_of(next(iter(MARTS))), where.dataset)
            people = (preview or api.preview) is Preview.ON
            built = (
                build_report(tables, most=MAX_ROWS)
                if people
                else build_report(without_people(tables), person=mask, most=MAX_ROWS)
            )
            write_report(file, page(built, api.now, key_of))
        except SegmentError as error:
            raise dg.Failure(str(error), allow_retries=error.retryable) from error
        missing = dict.fromkeys(table for section in built.sections.values() for table in section.lacking)
        return dg.MaterializeResult(
            asset_key=key,
            metadata={
                FILE: dg.MetadataValue.path(file),
                **({URL: dg.MetadataValue.url(url)} if url else {}),
                **({AS_OF: f"{built.as_of:%Y-%m-%d}"} if built.as_of else {}),
                ATTENTION: built.needs_attention,
                **({NOT_LOADED: list(map(key_of, missing))} if missing else {}),
            },
            data_version=dg.DataVersion(hashlib.sha256(repr(built).encode()).hexdigest()[:16]),
        )

    return report


def _file(path: str | Path | None, key: dg.AssetKey, storage: str) -> Path:
    if path is not None:
        return Path(path).expanduser().absolute()
    *directories, last = key.path
    return Path(storage, *directories, f"{last}.html")
