"""The power law without a floor, L(C) = A C^-g (2001.08361)."""

from analysis.laws.power_terms import PowerTerms

FORM = "L(C) = A C^-g"
LAW = PowerTerms("power", ("flops",), ("A", "g"), floor=False)
