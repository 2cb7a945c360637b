"""Loss by size alone, of models whose data and training never ran out (2001.08361, eq. 1.1)."""

from analysis.laws.power_terms import PowerTerms

FORM = "L(N) = E + A N^-alpha"
LAW = PowerTerms("size", ("params",), ("A", "E", "alpha"))
