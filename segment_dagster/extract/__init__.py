"""Endpoints of the catalogue become rows on disk, and dlt resources. It knows dlt and no Dagster.

What one page meets, file by file:

1. `list_reader`: the client requests it and checks its shape.
2. `page_pipeline`: a thread takes it, while the next one is requested.
3. `page_writer`: redacted (`segment_dagster.redaction`), typed (`rows`), written to a file (`spool`).
4. `resources`: handed to dlt as a file.

Above them: `extractor` reads each endpoint once, `endpoint_reader` reads one whole, `scheduler` runs its lists in
threads, `parents` give their requests the parameters.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_dagster.extract.extractor import Extractor
    from segment_dagster.extract.resources import segment_source

__all__ = ["Extractor", "segment_source"]


def __getattr__(name: str) -> Any:
    # requests and pyarrow take 0.3 s to import, and Dagster imports the code location for every process it starts
    if name == "segment_source":
        from segment_dagster.extract.resources import segment_source

        return segment_source
    if name == "Extractor":
        from segment_dagster.extract.extractor import Extractor

        return Extractor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
