"""Gemstones' law of shape, L(W, H, D) = E + A W^-alpha + B H^-beta + C D^-gamma (2502.06857)."""

from analysis.laws.power_terms import PowerTerms

INPUTS = ("width", "depth", "tokens")
SCALES, EXPONENTS = ([f"{letter}_{name}" for name in INPUTS] for letter in ("A", "alpha"))
LAW = PowerTerms("width_depth", INPUTS, (*SCALES, "E", *EXPONENTS))
