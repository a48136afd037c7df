"""What the log says of an endpoint that has been read."""

import logging

from segment_dagster.extract.result import Extract
from segment_dagster.text import pluralize

logger = logging.getLogger(__name__)


def log_extract(extract: Extract) -> None:
    """Log how much was read, and each reason why rows may be missing."""
    name = extract.endpoint.name
    logger.log(
        # a table may have thousands of slices
        logging.INFO if extract.parents is None else logging.DEBUG,
        "%s: %s in %s, %.1f s",
        name,
        pluralize(extract.rows, "row"),
        pluralize(extract.requests, "request"),
        extract.seconds,
    )
    if extract.not_found > extract.still_listed:
        logger.warning(
            "%s: %s of %s answered 404 and gave no rows: deleted since they were listed, or with nothing there",
            name,
            f"{extract.not_found - extract.still_listed:,}",
            pluralize(extract.lists, "list"),
        )
    if extract.still_listed:
        logger.warning(
            "%s: %s answered 404 twice though still listed: rows may be missing",
            name,
            pluralize(extract.still_listed, "list"),
        )
    for reason in filter(None, (extract.parent_incomplete, extract.parent_doubtful)):
        logger.warning("%s: %s: rows may be missing", name, reason)
    if extract.unstable:
        logger.warning("%s: %s: rows may be missing. Load it again", name, unstable_lists(extract.unstable))
    if extract.replaced:
        logger.warning("%s: replaced %s, which not every destination takes", name, extract.replaced)


def unstable_lists(lists: int) -> str:
    """Say how many lists changed while they were read."""
    return f"{pluralize(lists, 'list')} changed while being read"
