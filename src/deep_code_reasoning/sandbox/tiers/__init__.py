"""The ways to run an experiment, one file each."""
