"""Scaling laws as functions and their fits."""
