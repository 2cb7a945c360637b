"""The law of size and tokens, L(N, D) = E + A N^-alpha + B D^-beta (2203.15556, equation 2)."""

from analysis.laws.power_terms import PowerTerms

FORM = "L(N, D) = E + A N^-alpha + B D^-beta"
LAW = PowerTerms("chinchilla", ("params", "tokens"), ("A", "B", "E", "alpha", "beta"))
