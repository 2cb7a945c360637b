"""Gemstones' law of shape, L(W, H, D) = E + A W^-alpha + B H^-beta + C D^-gamma (2502.06857)."""

from analysis.laws.power_terms import PowerTerms

INPUTS = ("width", "depth", "tokens")
SCALES, EXPONENTS = ([f"{letter}_{name}" for name in INPUTS] for letter in ("A", "alpha"))
FORM = "L(W, H, D) = E + A_W W^-alpha_W + A_H H^-alpha_H + A_D D^-alpha_D"
LAW = PowerTerms("width_depth", INPUTS, (*SCALES, "E", *EXPONENTS))
