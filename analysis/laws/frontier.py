"""The best loss of each compute, L(C) = E + A C^-g: E is what no compute removes (2010.14701)."""

from analysis.laws.power_terms import PowerTerms

FORM = "L(C) = E + A C^-g"
LAW = PowerTerms("frontier", ("flops",), ("A", "E", "g"))
