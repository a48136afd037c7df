"""Find fields of nested records that are copies of the same record in its own list."""

from collections.abc import Mapping

from segment_dagster.endpoints.model import Endpoint


def denormalized_fields(endpoint: Endpoint, catalogue: Mapping[str, Endpoint]) -> Mapping[str, str]:
    """Return the fields that are copies, each with the endpoint whose records they are copied from.

    A record whose key is the id of another endpoint's record, such as a warehouse in the list of a source's
    warehouses, is that record: all fields that both have, except the key, are copies.

    Args:
        endpoint: The endpoint.
        catalogue: Endpoints by name.
    """
    copied: dict[str, str] = {}
    for reference in endpoint.references:
        original = catalogue.get(reference.endpoint)
        if original and reference.field in endpoint.primary_key and reference.field == reference.target_field:
            theirs = {column.field for column in original.columns}
            fields = [column.field for column in endpoint.columns if column.field not in endpoint.primary_key]
            copied.update({field: original.name for field in fields if field in theirs})
    return copied
