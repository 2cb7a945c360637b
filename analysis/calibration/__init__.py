"""Sweeps of a planted law, fitted a thousand times: how often an interval holds the truth."""
