"""Chinchilla's law with an outer exponent, L(N, D) = E + (A N^-alpha + B D^-beta)^gamma."""

from analysis.laws.power_terms import PowerTerms

PARAMETERS = ("A", "B", "E", "alpha", "beta", "gamma")
FORM = "L(N, D) = E + (A N^-alpha + B D^-beta)^gamma"
LAW = PowerTerms("gamma", ("params", "tokens"), PARAMETERS, outer="free")
