"""Heap dumps of five services, with an answer: see README.md. Shares no code with the analysis."""
