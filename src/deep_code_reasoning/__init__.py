"""Finds and proves the root cause of bugs that span services, from the raw evidence."""
