"""The workspace that a dataset belongs to. Its id is stored in the dataset; tokens of other workspaces are refused."""

from collections.abc import Mapping
from datetime import datetime

from dlt.common.data_types import TDataType

from segment_dagster.endpoints import IDENTITY
from segment_dagster.errors import SegmentError
from segment_dagster.extract.identity import Workspace
from segment_dagster.load.destination import Destination
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset

OWNER_TABLE = "_segment_workspace"
"""The table of one row that names the dataset's workspace. If the dataset is files, it is a JSON file of that name."""

TYPES: Mapping[str, TDataType] = {
    "workspace_id": "text",
    "slug": "text",
    "name": "text",
    "recorded_at": "timestamp",
}

MAX_NAME = 80
"""Characters of a workspace's name that a message shows."""


class ForeignDatasetError(SegmentError):
    """The dataset belongs to another workspace than the token."""

    def __init__(self, destination: Destination, owner: Workspace, workspace: Workspace) -> None:
        where = f" in {destination.file}" if destination.file else ""
        super().__init__(
            f"The dataset {destination.dataset!r} of {destination.type}{where} belongs to the workspace "
            f"{_label(owner)}, and the token to {_label(workspace)}: nothing was loaded. Set SEGMENT_DATASET to "
            f"another name, or empty this one: {_how_to_empty(destination)}."
        )


def check_owner(destination: Destination, workspace: Workspace | None) -> None:
    """Refuse a dataset that belongs to another workspace, before anything is read.

    Args:
        destination: The dataset.
        workspace: The token's workspace; `None` if unknown, then nothing is compared.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: The destination cannot be read.
    """
    if workspace is None:
        return
    with inspect_dataset(destination) as tables:
        refuse_other_workspace(destination, find_owner(tables), workspace)


def claim(tables: DatasetInspector, destination: Destination, workspace: Workspace, now: datetime) -> None:
    """Record the workspace of a dataset that has none. The dataset must exist and be locked.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
    """
    refuse_other_workspace(destination, find_owner(tables), workspace)
    if not _recorded_workspace(tables):
        row = (workspace.id, workspace.slug, workspace.name, now)
        tables.upsert(OWNER_TABLE, TYPES, [row])


def find_owner(tables: DatasetInspector) -> Workspace | None:
    """Return the workspace that a dataset belongs to.

    If it is not recorded, because an earlier version loaded the dataset, use the row of the table `workspace`.

    Returns:
        The workspace; `None` if the dataset is empty or does not name one.
    """
    return _recorded_workspace(tables) or _loaded_workspace(tables)


def _recorded_workspace(tables: DatasetInspector) -> Workspace | None:
    rows = tables.read_stored(OWNER_TABLE, TYPES)
    return Workspace(rows[0]["workspace_id"], rows[0]["slug"], rows[0]["name"]) if rows else None


def _loaded_workspace(tables: DatasetInspector) -> Workspace | None:
    fields = ("id", "slug", "name")
    if not set(fields) <= set(tables.columns(IDENTITY.name)):
        return None
    rows = list(tables.rows(IDENTITY.name, fields))
    return Workspace.from_row(rows[0]) if len(rows) == 1 and rows[0]["id"] else None


def refuse_other_workspace(destination: Destination, owner: Workspace | None, workspace: Workspace | None) -> None:
    """Refuse to load rows of one workspace into the dataset of another. If either is unknown, nothing is compared.

    Raises:
        ForeignDatasetError: The workspaces differ.
    """
    if owner is not None and workspace is not None and owner.id != workspace.id:
        raise ForeignDatasetError(destination, owner, workspace)


def _label(workspace: Workspace) -> str:
    """Return a workspace's name for a message. `repr` escapes terminal control sequences."""
    name = workspace.name or workspace.slug
    return f"{name[:MAX_NAME]!r} (id {workspace.id[:MAX_NAME]!r})" if name else f"{workspace.id[:MAX_NAME]!r}"


def _how_to_empty(destination: Destination) -> str:
    if destination.type == "filesystem":
        return f"delete its directory {destination.dataset!r} in the bucket"
    return f"drop its schema with all tables, and {destination.dataset}_staging beside it"
