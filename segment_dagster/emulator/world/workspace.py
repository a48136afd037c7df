"""The workspace."""

from segment_dagster.emulator.world.factories import ListContext, Record


def workspace(context: ListContext) -> list[Record]:
    """Generate the workspace."""
    return [{"id": context.draw.id(), "slug": "acme-outdoors", "name": 'Acme "Outdoors" 🏕️'}]
