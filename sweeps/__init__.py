"""Sweeps: a list of overrides for an experiment, a launcher, a status table."""
