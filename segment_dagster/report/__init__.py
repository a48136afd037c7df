"""The health of a workspace on one page: `segment/report`, and the figures that the notebook shows."""

from segment_dagster.report.asset import NAME, report_asset, report_spec

__all__ = ["NAME", "report_asset", "report_spec"]
