"""Know where dlt keeps load packages until they are loaded, and when a pipeline's directory is made anew.

Private to: dlt 1.31 (the folders of a pipeline's working directory; `Pipeline.drop`, which dagster-dlt 0.29 calls once
more before it loads, and which makes that directory readable for all). dlt's public `abort_packages` records an abort
in the state.

If it changes: rows of a run that failed stay on disk, secrets among them, and are loaded in place of those of the next
run; or others can read the working directory.
"""

from collections.abc import Callable

import dlt

PENDING = ("normalize/extracted", "load/new", "load/normalized")
"""The folders of load packages that are not loaded yet, in the pipeline's working directory."""


def call_after_drop(pipeline: dlt.Pipeline, after: Callable[[], None]) -> None:
    """Call a function whenever a pipeline's local state has been dropped, whoever drops it.

    Args:
        pipeline: The pipeline.
        after: The function.
    """
    drop = pipeline.drop

    def drop_and_call(*args: str, **options: str) -> dlt.Pipeline:
        dropped = drop(*args, **options)
        after()
        return dropped

    pipeline.drop = drop_and_call  # type: ignore[method-assign]
