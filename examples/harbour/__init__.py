"""Harbour: a second model of a system that goes wrong, independent of the first, to measure generalisation.

It shares no code, no names and no habits with `examples/simulator` or with the detectors: it was written from the
product's contract and the OpenTelemetry conventions alone. See README.md.
"""
