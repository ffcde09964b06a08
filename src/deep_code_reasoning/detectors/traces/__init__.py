"""Detectors that look at spans."""
