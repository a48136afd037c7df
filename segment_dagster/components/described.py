"""Models of attributes whose descriptions reach the schema, and so the editor and Dagster's page of the component."""

from typing import Any

import dagster as dg


class DescribedModel(dg.Model):
    """A model of attributes. Dagster takes descriptions from resolvers alone, so each field gets one with its own."""

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        """Add the resolvers once the fields are known."""
        super().__pydantic_init_subclass__(**given)
        for field in cls.model_fields.values():
            if field.description and not any(isinstance(each, dg.Resolver) for each in field.metadata):
                field.metadata.append(dg.Resolver.default(description=field.description))
