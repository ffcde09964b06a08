"""Detectors that look at locks and leases."""
