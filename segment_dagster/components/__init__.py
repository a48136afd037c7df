"""Builders of Dagster definitions, and the components that are made of them."""
