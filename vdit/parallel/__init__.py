"""Meshes and shardings, several processes, what the compiler is told."""
