"""Ten small repositories, two hundred commits, a week of deploys and metrics, traces of before and after: which commit?

The repositories are real (git, four languages), the history is seeded, and the system that the traces come from is the
model of `examples/simulator`. Nothing here is shared with the analysis.
"""
