"""Engines that `make test-destinations` installs: more than a suite should ask for, some not the destination itself."""

from segment_dagster_tests.destinations.engines import Engine
from segment_dagster_tests.destinations.redshift import redshift

FURTHER_ENGINES = (
    Engine(
        "redshift",
        "PostgreSQL, with types of its own",
        redshift,
        untested="the types SUPER and VARCHAR(MAX); what PostgreSQL takes and Redshift does not",
    ),
)
