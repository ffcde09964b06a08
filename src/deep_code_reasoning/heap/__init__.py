"""Heaps as graphs: who keeps whom alive, and where objects pile up. Only this room knows the layout of heap dumps."""
