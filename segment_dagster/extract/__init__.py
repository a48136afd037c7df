"""From rows of the catalogue to dlt resources. It knows dlt and no Dagster."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_dagster.extract.reader import WorkspaceReader
    from segment_dagster.extract.resources import segment_source

__all__ = ["WorkspaceReader", "segment_source"]


def __getattr__(name: str) -> Any:
    # requests and pyarrow take 0.3 s to import, and Dagster imports the code location for every process it starts
    if name == "segment_source":
        from segment_dagster.extract.resources import segment_source

        return segment_source
    if name == "WorkspaceReader":
        from segment_dagster.extract.reader import WorkspaceReader

        return WorkspaceReader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
