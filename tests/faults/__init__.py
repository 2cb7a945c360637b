"""Faults injected into real processes: kills, signals, damage, full disks, lost machines.

A few of each in the suite; as many as the table has with `pytest tests/faults --faults`.
"""
