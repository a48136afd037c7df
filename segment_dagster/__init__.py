"""A Twilio Segment workspace as a graph of Dagster assets, loaded by dlt."""
