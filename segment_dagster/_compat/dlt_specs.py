"""Name the classes that dlt reads its settings of a load into.

Private to: dlt 1.31 (the classes, and the sections that it looks in; two are within classes of dlt's internals).

If it changes: a setting of dlt's that cannot be used is found when dlt comes to it, after everything has been read.
"""

from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.data_writers.buffered import BufferedDataWriter
from dlt.common.storages import LoadStorageConfiguration
from dlt.extract.pipe_iterator import PipeIterator
from dlt.load.configuration import LoaderConfiguration
from dlt.normalize.configuration import NormalizeConfiguration
from dlt.pipeline.configuration import PipelineConfiguration

SPECS: tuple[tuple[type[BaseConfiguration], tuple[str, ...]], ...] = (
    (PipelineConfiguration, ()),
    (PipeIterator.PipeIteratorConfiguration, ("extract",)),
    (NormalizeConfiguration, ("normalize",)),
    (BufferedDataWriter.BufferedDataWriterConfiguration, ("normalize", "data_writer")),
    (LoaderConfiguration, ("load",)),
    (LoadStorageConfiguration, ("load",)),
)
"""The classes, with the sections in which dlt looks for their settings."""
