"""Gemstones' law of width, depth, size and tokens: a power of each, and E (2502.06857)."""

from analysis.laws.power_terms import PowerTerms

INPUTS = ("width", "depth", "params", "tokens")
SCALES, EXPONENTS = ([f"{letter}_{name}" for name in INPUTS] for letter in ("A", "alpha"))
LAW = PowerTerms("width_depth_params", INPUTS, (*SCALES, "E", *EXPONENTS))
