"""The report as one HTML file that asks nothing of any server."""

from segment_dagster.report.html.page import page

__all__ = ["page"]
