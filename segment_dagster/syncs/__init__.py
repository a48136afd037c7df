"""Segment's own pipes: the tables that it syncs into warehouses are external assets, and its syncs are their events."""
