"""Know where dlt keeps load packages until they are loaded, and drop a pipeline's local state once.

Private to: dlt 1.31 (the folders of a pipeline's working directory; `Pipeline.drop`, which dagster-dlt 0.29 calls again
before it loads, and which makes a new directory that all can read). dlt's public `abort_packages` records an abort in
the state.

If it changes: rows of a run that failed stay on disk, secrets among them, and are loaded in place of those of the next
run; or others can read the working directory.
"""

import dlt

PENDING = ("normalize/extracted", "load/new", "load/normalized")
"""The folders of load packages that are not loaded yet, in the pipeline's working directory."""


def drop_once(pipeline: dlt.Pipeline) -> None:
    """Drop a pipeline's local state now, and not again when others ask for it.

    dagster-dlt asks for it before it loads. By then the state is that of the destination.
    """
    pipeline.drop()

    def keep(*_: str, **__: str) -> dlt.Pipeline:
        return pipeline

    pipeline.drop = keep  # type: ignore[method-assign]
