"""Faults injected into real processes. With --faults as often as the table of faults says."""
