"""Metrics as series: their steps, when levels shifted, and which services moved."""
