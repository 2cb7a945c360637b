"""Faults, injected: what is damaged is named, what is killed goes on."""
