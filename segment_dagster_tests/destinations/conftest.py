"""Which tests of destinations there are: some need what `make test-destinations` installs."""

from segment_dagster_tests.destinations.engines import FURTHER

collect_ignore = [] if FURTHER else ["test_databricks.py", "test_said_further.py"]
