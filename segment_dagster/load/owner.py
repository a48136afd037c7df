"""The workspace that a dataset belongs to. Its id is kept in the destination, and another's token is refused."""

from collections.abc import Mapping
from datetime import datetime, timezone

from dlt.common.data_types import TDataType

from segment_dagster.endpoints import IDENTITY
from segment_dagster.errors import SegmentError
from segment_dagster.extract.identity import Workspace
from segment_dagster.load.destination import Destination
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset

OWNER_TABLE = "_segment_workspace"
"""The table of the dataset that names its workspace: one row. Of files it is a file of JSON with that name."""

TYPES: Mapping[str, TDataType] = {
    "workspace_id": "text",
    "slug": "text",
    "name": "text",
    "recorded_at": "timestamp",
}

MAX_NAME = 80
"""Characters of a workspace's name that a message shows."""


class ForeignDatasetError(SegmentError):
    """The dataset holds the rows of another workspace than the token's."""

    def __init__(self, destination: Destination, owner: Workspace, workspace: Workspace) -> None:
        where = f" in {destination.file}" if destination.file else ""
        super().__init__(
            f"The dataset {destination.dataset!r} of {destination.type}{where} belongs to the workspace "
            f"{_named(owner)}, and the token to {_named(workspace)}: nothing was loaded. Set SEGMENT_DATASET to "
            f"another name, or empty this one: {_how_to_empty(destination)}."
        )


def check_owner(destination: Destination, workspace: Workspace | None) -> None:
    """Refuse a dataset that belongs to another workspace, before anything is read.

    Args:
        destination: The dataset.
        workspace: That of the token; `None` where it is not known, and nothing can be compared.

    Raises:
        ForeignDatasetError: It does.
        LoadError: The destination cannot be looked at.
    """
    if workspace is None:
        return
    with inspect_dataset(destination) as tables:
        refuse_other_workspace(destination, find_owner(tables), workspace)


def claim(tables: DatasetInspector, destination: Destination, workspace: Workspace) -> None:
    """Record the workspace of a dataset that has none. The dataset must be there, and nobody else load into it.

    Raises:
        ForeignDatasetError: It belongs to another one.
    """
    refuse_other_workspace(destination, find_owner(tables), workspace)
    if not _recorded(tables):
        row = (workspace.id, workspace.slug, workspace.name, datetime.now(timezone.utc))
        tables.upsert(OWNER_TABLE, TYPES, [row])


def find_owner(tables: DatasetInspector) -> Workspace | None:
    """Return the workspace that a dataset belongs to.

    A dataset loaded before that was recorded belongs to the workspace in its table `workspace`.

    Returns:
        The workspace; `None` where the dataset is empty or does not tell.
    """
    return _recorded(tables) or _loaded(tables)


def _recorded(tables: DatasetInspector) -> Workspace | None:
    rows = tables.read_stored(OWNER_TABLE, TYPES)
    return Workspace(rows[0]["workspace_id"], rows[0]["slug"], rows[0]["name"]) if rows else None


def _loaded(tables: DatasetInspector) -> Workspace | None:
    fields = ("id", "slug", "name")
    if not set(fields) <= set(tables.columns(IDENTITY.name)):
        return None
    rows = list(tables.rows(IDENTITY.name, fields))
    return Workspace.from_row(rows[0]) if len(rows) == 1 and rows[0]["id"] else None


def refuse_other_workspace(destination: Destination, owner: Workspace | None, workspace: Workspace | None) -> None:
    """Refuse a dataset of one workspace for rows of another. Where either is not known, nothing is compared.

    Raises:
        ForeignDatasetError: They differ.
    """
    if owner is not None and workspace is not None and owner.id != workspace.id:
        raise ForeignDatasetError(destination, owner, workspace)


def _named(workspace: Workspace) -> str:
    """A workspace in a message. `repr` escapes what a terminal would take for a command."""
    name = workspace.name or workspace.slug
    return f"{name[:MAX_NAME]!r} (id {workspace.id[:MAX_NAME]!r})" if name else f"{workspace.id[:MAX_NAME]!r}"


def _how_to_empty(destination: Destination) -> str:
    if destination.type == "filesystem":
        return f"delete its directory {destination.dataset!r} in the bucket"
    return f"drop its schema with all tables, and {destination.dataset}_staging beside it"
