"""The workspace itself."""

from segment_dagster.emulator.world.making import Making, Record


def workspace(making: Making) -> list[Record]:
    """The one workspace."""
    return [{"id": making.draw.id(), "slug": "acme-outdoors", "name": 'Acme "Outdoors" 🏕️'}]
