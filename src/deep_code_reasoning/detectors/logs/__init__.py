"""Detectors that look at log records."""
