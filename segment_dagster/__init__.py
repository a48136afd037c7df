"""A Twilio Segment workspace as a graph of Dagster assets, loaded by dlt."""

__version__ = "0.1.0"
