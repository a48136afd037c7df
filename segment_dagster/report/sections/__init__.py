"""The sections of the report, each worked out from the tables."""
