"""The asset `segment/changes`: what changed in the workspace, from what to what, when, and by whom."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from segment_dagster.assets import asset_key
from segment_dagster.assets.column_lineage import COLUMN_LINEAGE
from segment_dagster.assets.metadata import ROWS_UNCHANGED
from segment_dagster.assets.preview import PREVIEW, shown_rows
from segment_dagster.assets.specs import kinds
from segment_dagster.config import ApiSettings, Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.columns import choice, nested, text, timestamp
from segment_dagster.extract.columns import column_name
from segment_dagster.marts.column_lineage import lineage_of_changes
from segment_dagster.marts.diff import KINDS
from segment_dagster.marts.records import NAMES
from segment_dagster.redaction.masks import mask

if TYPE_CHECKING:
    from segment_dagster.load import Destination

NAME = "changes"

COLUMNS = (
    text("endpoint", "The endpoint whose record changed."),
    text("record_key", "The values of the record's key, with `/` between them."),
    text("record_name", "What the record is called, where it has a name, a title or a slug."),
    choice("change", "What became of the record.", *KINDS),
    text("field", "What changed of it, such as `settings.region`; null where the record was added or removed."),
    nested("old_value", "What it was; the whole record where it was removed, null where there was nothing."),
    nested("new_value", "What it is; the whole record where it was added, null where there is nothing."),
    timestamp("seen_at", "The load that first saw it: it happened since the load before."),
    timestamp(
        "happened_at", "When it happened by the audit trail; null where that tells of nothing, as in what follows."
    ),
    text("actor", "The user or the API token that did it."),
    text("actor_email", "The user's e-mail address; null where the actor is no user."),
    text("audit_event_id", "Id of the event of the audit trail that tells of it."),
    text("audit_event_type", "That event's type."),
)
SHOWN = ("endpoint", "record_name", "change", "field", "actor_email")
"""Columns that the preview shows."""

PERSONAL = ("actor", "actor_email")
"""Columns with personal data, for every kind of record."""

REQUIRED = ("endpoint", "record_key", "change", "seen_at")
"""Columns that are never null."""

DESCRIPTION = """\
What changed in the workspace: one row for each record that was added or removed, and for each field that changed, with
who did it.

Made anew with each load from the tables `<endpoint>_history` and the audit trail, those of weekly endpoints too. The
first load of an endpoint is where its history begins and no change. What changes by itself is left out, and so is
what a list repeats of a record that has a list of its own. The audit trail's latest event about the record between two
of its versions is taken for the cause of the change."""


class Changes:
    """The asset of changes, built from the histories of endpoints.

    Args:
        catalogue: The endpoints whose histories are read, and the audit trail.
    """

    def __init__(self, catalogue: tuple[Endpoint, ...]) -> None:
        self._catalogue = catalogue
        self.name = NAME

    def spec(self, endpoints: tuple[Endpoint, ...], *, owners: Sequence[str], destination: str) -> dg.AssetSpec:
        """Return the asset's spec. It depends on the configuration and the audit trail among these endpoints."""
        return dg.AssetSpec(
            key=asset_key(NAME),
            deps=[asset_key(each.name) for each in endpoints if each.keeps_history or each.audit_fields],
            description=DESCRIPTION,
            group_name=NAME,
            kinds=kinds(destination),
            owners=list(owners),
            code_version=hashlib.sha256(repr(COLUMNS).encode()).hexdigest()[:12],
            metadata={
                "dagster/storage_kind": destination,
                "dagster/column_schema": _column_schema(),
                COLUMN_LINEAGE: lineage_of_changes(endpoints),
            },
        )

    def materialize(
        self, key: dg.AssetKey, destination: "Destination", settings: ApiSettings
    ) -> dg.MaterializeResult[Any]:
        """Build the table and load it.

        Args:
            key: Key of the asset.
            destination: The dataset.
            settings: Whether to keep secrets from the histories, and how to show rows.

        Raises:
            LoadError: The table could not be built or loaded.
        """
        # imported here, because it takes long
        from segment_dagster.marts.build import build

        built = build(destination, self._catalogue, settings)
        rows = self._without_people(built.loaded.first) if settings.preview is Preview.MASKED else built.loaded.first
        first = shown_rows(rows, SHOWN, PERSONAL, settings.preview)
        return dg.MaterializeResult(
            asset_key=key,
            metadata={
                **({PREVIEW: first} if first else {}),
                "dagster/row_count": built.loaded.rows,
                "dagster/table_name": built.loaded.table,
                "dagster/column_schema": _column_schema(),
                "segment/histories": built.histories,
                "segment/with_actor": built.with_actor,
                ROWS_UNCHANGED: built.loaded.unchanged,
            },
            data_version=dg.DataVersion(built.loaded.fingerprint),
        )

    def _without_people(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the rows with the names of personal records masked."""
        people = {each.name for each in self._catalogue if set(NAMES) & set(map(column_name, each.personal))}
        return [{**row, "record_name": mask(row["record_name"])} if row["endpoint"] in people else row for row in rows]


def _column_schema() -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.field,
                type=column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.field not in REQUIRED),
            )
            for column in COLUMNS
        ]
    )
