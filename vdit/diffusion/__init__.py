"""Diffusion: one small function for one equation; objectives, samplers, guidance."""
