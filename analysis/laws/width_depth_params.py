"""Gemstones' law of width, depth, size and tokens: a power of each, and E (2502.06857)."""

from analysis.laws.power_terms import PowerTerms

INPUTS = ("width", "depth", "params", "tokens")
SCALES, EXPONENTS = ([f"{letter}_{name}" for name in INPUTS] for letter in ("A", "alpha"))
FORM = "L(W, H, N, D) = E + a power of each"
LAW = PowerTerms("width_depth_params", INPUTS, (*SCALES, "E", *EXPONENTS))
