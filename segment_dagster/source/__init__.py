"""From rows of the catalogue to dlt resources. It knows dlt and no Dagster."""

from segment_dagster.source.naming import column_name
from segment_dagster.source.reader import Delivery, Failure, WorkspaceReader
from segment_dagster.source.segment_source import columns_of, delivered_source, segment_source

__all__ = ["Delivery", "Failure", "WorkspaceReader", "column_name", "columns_of", "delivered_source", "segment_source"]
