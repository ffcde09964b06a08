"""Detectors that look at metric points."""
