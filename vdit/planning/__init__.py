"""Scaling on paper: what a training step costs on a mesh before any device of it is paid for."""
