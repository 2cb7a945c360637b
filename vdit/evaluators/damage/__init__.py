"""Damage of known kind and strength to videos, and how scores answer to it."""
