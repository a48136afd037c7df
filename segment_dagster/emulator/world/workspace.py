"""The workspace itself."""

from segment_dagster.emulator.world.factories import ListContext, Record


def workspace(context: ListContext) -> list[Record]:
    """The one workspace."""
    return [{"id": context.draw.id(), "slug": "acme-outdoors", "name": 'Acme "Outdoors" 🏕️'}]
